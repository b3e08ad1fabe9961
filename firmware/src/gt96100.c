/* Galileo GT-96100: system controller with two Ethernet ports, and the way to the PCI buses.
 *
 * Its registers are little-endian. Dynamips moves one frame per queue and 10 ms out of the transmit ring, which is what
 * limits a port to some 100 packets a second. */
#include "hardware.h"

#define RING 64
#define BUFFER 1600

#define PCI1_ADDRESS 0xcf0
#define PCI1_DATA 0xcf4
#define SERIAL_MASK 0x103a80
#define SERIAL_MASK_BOTH_PORTS 3

/* Of a port. */
#define PORT(n) (0x84800u + (n)*0x4000u)
#define PCR 0x00 /* port configuration */
#define PCR_PROMISCUOUS                                                                                                \
    0x1 /* addresses are compared in software: the hash table would be one more thing to keep right */
#define PCR_ENABLE 0x80
#define PCR_SMALL_HASH 0x1000
#define HASH_POINTER 0x28
#define SDCMR 0x48 /* DMA command */
#define SDCMR_RECEIVE 0x80u
#define SDCMR_ABORT_RECEIVE 0x8000u
#define SDCMR_TRANSMIT_LOW 0x01000000u
#define CAUSE 0x50
#define MASK 0x58
#define MASK_RECEIVED 0x1
#define FIRST_RX 0x80
#define CURRENT_RX 0xa0
#define CURRENT_TX 0xe0

/* Of a descriptor's command word. */
#define OWNED 0x80000000u /* by the chip */
#define FIRST 0x00020000u
#define LAST 0x00010000u
#define PAD 0x00040000u
#define MAKE_CRC 0x00400000u
#define CRC_SIZE 4

struct descriptor {
    uint32_t size; /* of the buffer << 16, and of the frame */
    uint32_t command;
    uint32_t next, buffer;
};

struct port {
    volatile struct descriptor receive[RING] __attribute__((aligned(16)));
    volatile struct descriptor transmit[RING] __attribute__((aligned(16)));
    unsigned receive_at, transmit_at;
};

static struct port ports[2];
static uint8_t receive_buffers[2][RING][BUFFER] NOT_CLEARED;
static uint8_t transmit_buffers[2][RING][BUFFER] NOT_CLEARED;
static uint8_t empty_hash_table[0x4000 + 64] __attribute__((aligned(64)));
static uintptr_t registers;

static uint32_t swap(uint32_t value)
{
    return value << 24 | (value & 0xff00) << 8 | (value >> 8 & 0xff00) | value >> 24;
}

static void write_register(uint32_t offset, uint32_t value)
{
    REG32(registers + offset) = swap(value);
}

static uint32_t read_register(uint32_t offset)
{
    return swap(REG32(registers + offset));
}

static uint32_t pci_address(unsigned bus, unsigned device, unsigned reg)
{
    return 0x80000000u | bus << 16 | device << 11 | reg;
}

uint32_t gt96100_pci_read(unsigned bus, unsigned device, unsigned reg)
{
    write_register(PCI1_ADDRESS, pci_address(bus, device, reg));
    return read_register(PCI1_DATA);
}

void gt96100_pci_write(unsigned bus, unsigned device, unsigned reg, uint32_t value)
{
    write_register(PCI1_ADDRESS, pci_address(bus, device, reg));
    write_register(PCI1_DATA, value);
}

void gt96100_init(uintptr_t base)
{
    registers = base;
    write_register(SERIAL_MASK, SERIAL_MASK_BOTH_PORTS);
}

void gt96100_port_init(unsigned number)
{
    struct port *port = &ports[number];
    uint32_t base = PORT(number);

    for (unsigned i = 0; i < RING; i++) {
        port->receive[i].size = BUFFER << 16;
        port->receive[i].buffer = PHYSICAL(receive_buffers[number][i]);
        port->receive[i].next = PHYSICAL(&port->receive[(i + 1) % RING]);
        port->receive[i].command = OWNED;
        port->transmit[i].buffer = PHYSICAL(transmit_buffers[number][i]);
        port->transmit[i].next = PHYSICAL(&port->transmit[(i + 1) % RING]);
        port->transmit[i].command = 0;
    }
    write_register(base + HASH_POINTER, PHYSICAL(empty_hash_table));
    write_register(base + FIRST_RX, PHYSICAL(&port->receive[0]));
    write_register(base + CURRENT_RX, PHYSICAL(&port->receive[0]));
    write_register(base + CURRENT_TX, PHYSICAL(&port->transmit[0]));
    write_register(base + PCR, PCR_SMALL_HASH | PCR_ENABLE | PCR_PROMISCUOUS);
    write_register(base + CAUSE, 0);
    write_register(base + MASK, MASK_RECEIVED);
    write_register(base + SDCMR, SDCMR_RECEIVE | SDCMR_TRANSMIT_LOW);
}

bool gt96100_send(unsigned number, const uint8_t *frame, size_t size)
{
    struct port *port = &ports[number];
    volatile struct descriptor *descriptor = &port->transmit[port->transmit_at];

    if (descriptor->command & OWNED)
        return false;
    memcpy(transmit_buffers[number][port->transmit_at], frame, size);
    descriptor->size = (uint32_t)size << 16;
    descriptor->command = OWNED | FIRST | LAST | PAD | MAKE_CRC;
    write_register(PORT(number) + SDCMR, SDCMR_RECEIVE | SDCMR_TRANSMIT_LOW);
    port->transmit_at = (port->transmit_at + 1) % RING;
    return true;
}

size_t gt96100_receive(unsigned number, uint8_t frame[FRAME_MAX])
{
    struct port *port = &ports[number];
    volatile struct descriptor *descriptor = &port->receive[port->receive_at];
    size_t size = 0;

    if (descriptor->command & OWNED) {
        /* Acknowledge, then look again: a frame that came in between must not wait for the next one. */
        write_register(PORT(number) + CAUSE, 0);
        if (descriptor->command & OWNED)
            return 0;
    }
    while (!size && !(descriptor->command & OWNED)) {
        uint32_t whole = FIRST | LAST;
        size_t got = descriptor->size & 0xffff;
        if ((descriptor->command & whole) == whole && got > CRC_SIZE && got - CRC_SIZE <= FRAME_MAX) {
            size = got - CRC_SIZE;
            memcpy(frame, receive_buffers[number][port->receive_at], size);
        }
        descriptor->size = BUFFER << 16;
        descriptor->command = OWNED;
        port->receive_at = (port->receive_at + 1) % RING;
        descriptor = &port->receive[port->receive_at];
    }
    return size;
}

void gt96100_stop(void)
{
    for (unsigned port = 0; port < 2; port++) {
        write_register(PORT(port) + MASK, 0);
        write_register(PORT(port) + SDCMR, SDCMR_ABORT_RECEIVE);
    }
}
