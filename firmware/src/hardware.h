/* Registers and address map of the c2691, c3725 and c3745 as Dynamips emulates them. Linked into the firmware only. */
#ifndef HARDWARE_H
#define HARDWARE_H

#include "board.h"

/* KSEG1: the lower 512 MiB of physical memory, uncached. Above that a TLB entry is needed. */
#define KSEG1(physical) ((uintptr_t)(physical) | 0xa0000000u)
/* What DMA sees of something in KSEG0. */
#define PHYSICAL(pointer) ((uint32_t)(uintptr_t)(pointer)&0x1fffffffu)

#define REG8(address) (*(volatile uint8_t *)(address))
#define REG16(address) (*(volatile uint16_t *)(address))
#define REG32(address) (*(volatile uint32_t *)(address))

struct platform {
    uint32_t machine; /* ELF machine number that Dynamips gives for this platform */
    const char *model;
    uint32_t gt96100; /* physical address of the system controller */
    uint32_t io_fpga;
    uint16_t eeprom_select;            /* bit that selects the EEPROM with the base MAC */
    uint32_t nvram_offset, nvram_size; /* in the boot flash */
    unsigned slots;                    /* for network modules, from 1 */
    uint8_t pci_device[5];             /* of the card in each slot */
    bool pci_bridges; /* each slot has a bus of its own, behind a bridge that has the slot's number on bus 1 */
};

/* Frame buffers: start-up leaves them alone, so that the host's memory is used only for ports that are. */
#define NOT_CLEARED __attribute__((section(".bss.not_cleared"), aligned(8)))

extern const struct platform *platform;

/* crt0.S */
void cpu_wait(void); /* until an interrupt is pending; the address that Dynamips knows as idle-pc is in it */
uint32_t cpu_cause(void);
void cpu_clear_timer(void);
void cpu_run_blocks(uint32_t count);
void cpu_map(uint32_t index, uint32_t virtual_address, uint32_t entry_lo0, uint32_t entry_lo1, uint32_t page_mask);
void start(void) __attribute__((noreturn));

/* gt96100.c */
void gt96100_init(uintptr_t base);
uint32_t gt96100_pci_read(unsigned bus, unsigned device, unsigned reg);
void gt96100_pci_write(unsigned bus, unsigned device, unsigned reg, uint32_t value);
void gt96100_port_init(unsigned port);
bool gt96100_send(unsigned port, const uint8_t *frame, size_t size);
size_t gt96100_receive(unsigned port, uint8_t frame[FRAME_MAX]);
void gt96100_stop(void);

/* board_c37xx.c: the card in a slot, as a PCI device */
#define PCI_EMPTY 0xffffffffu
uint32_t slot_probe(unsigned slot); /* vendor and device */
void slot_map(unsigned slot, unsigned base_register, uint32_t physical);

/* bcm5600.c: one chip per slot; the rest is in board.h */
bool bcm5600_init(unsigned slot); /* false: the slot has no such chip */
void bcm5600_stop(unsigned slot);

/* am79c971.c: one chip per slot */
bool am79c971_init(unsigned slot, const uint8_t mac[6]); /* false: the slot has no such chip */
bool am79c971_send(unsigned slot, const uint8_t *frame, size_t size);
size_t am79c971_receive(unsigned slot, uint8_t frame[FRAME_MAX]);
void am79c971_stop(unsigned slot);

#endif
