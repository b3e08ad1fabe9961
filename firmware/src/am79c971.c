/* AMD Am79C971, the Ethernet chip of an NM-1FE-TX. Registers by index (RAP) and data ports, 32 bits each; descriptors
 * in "software style 2". All is in the CPU's byte order: Dynamips emulates a bus bridge that swaps. */
#include "hardware.h"

#define MAX_SLOT 4
#define RING_LOG2 5
#define RING (1u << RING_LOG2)
#define BUFFER 1600

#define VENDOR_DEVICE 0x20001022u
#define PCI_MEMORY_BASE 0x14
#define WINDOW 0x18000000u /* physical; free on all three platforms */
#define WINDOW_SIZE 0x4000u

#define RDP 0x10 /* control and status registers */
#define RAP 0x14
#define BDP 0x1c /* bus configuration registers */

#define CSR0_INIT 0x01
#define CSR0_START 0x02
#define CSR0_STOP 0x04
#define CSR0_INTERRUPTS 0x40
#define CSR0_TRANSMITTED 0x200
#define CSR0_RECEIVED 0x400
#define CSR3_NOT_TRANSMITTED 0x0200 /* no interrupt for these */
#define CSR3_NOT_INITIALISED 0x0100
#define MODE_PROMISCUOUS 0x8000
#define BCR20_STYLE 20

#define OWNED 0x80000000u
#define START 0x02000000u
#define END 0x01000000u
#define CRC_SIZE 4

struct descriptor {
    uint32_t buffer;
    uint32_t status; /* and, as two's complement in 12 bits, the size of the buffer */
    uint32_t count;
    uint32_t unused;
};

struct chip {
    volatile struct descriptor receive[RING] __attribute__((aligned(16)));
    volatile struct descriptor transmit[RING] __attribute__((aligned(16)));
    volatile uint32_t init_block[28] __attribute__((aligned(16))); /* 7 words; Dynamips reads 28 */
    unsigned receive_at, transmit_at;
    uintptr_t registers; /* 0: no card */
};

static struct chip chips[MAX_SLOT + 1];
static uint8_t receive_buffers[MAX_SLOT + 1][RING][BUFFER] NOT_CLEARED;
static uint8_t transmit_buffers[MAX_SLOT + 1][RING][BUFFER] NOT_CLEARED;

static uint32_t size_field(size_t size)
{
    return 0xf000u | ((0u - (uint32_t)size) & 0xfff);
}

static void write_csr(const struct chip *chip, unsigned number, uint32_t value)
{
    REG32(chip->registers + RAP) = number;
    REG32(chip->registers + RDP) = value;
}

static bool find(unsigned slot)
{
    uint32_t window = WINDOW + slot * WINDOW_SIZE;

    if (slot_probe(slot) != VENDOR_DEVICE)
        return false;
    slot_map(slot, PCI_MEMORY_BASE, window);
    chips[slot].registers = KSEG1(window);
    return true;
}

bool am79c971_init(unsigned slot, const uint8_t mac[6])
{
    struct chip *chip = &chips[slot];

    if (!find(slot))
        return false;
    for (unsigned i = 0; i < RING; i++) {
        chip->receive[i].buffer = PHYSICAL(receive_buffers[slot][i]);
        chip->receive[i].status = OWNED | size_field(BUFFER);
        chip->transmit[i].buffer = PHYSICAL(transmit_buffers[slot][i]);
        chip->transmit[i].status = 0;
    }
    write_csr(chip, 0, CSR0_STOP);
    REG32(chip->registers + RAP) = BCR20_STYLE;
    REG32(chip->registers + BDP) = 2;
    chip->init_block[0] = (uint32_t)RING_LOG2 << 28 | RING_LOG2 << 20 | MODE_PROMISCUOUS;
    chip->init_block[1] = (uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 | mac[0];
    chip->init_block[2] = (uint32_t)mac[5] << 8 | mac[4];
    chip->init_block[5] = PHYSICAL(chip->receive);
    chip->init_block[6] = PHYSICAL(chip->transmit);
    write_csr(chip, 1, PHYSICAL(chip->init_block) & 0xffff);
    write_csr(chip, 2, PHYSICAL(chip->init_block) >> 16);
    write_csr(chip, 3, CSR3_NOT_TRANSMITTED | CSR3_NOT_INITIALISED);
    write_csr(chip, 0, CSR0_INIT);
    write_csr(chip, 0, CSR0_START | CSR0_INTERRUPTS);
    return true;
}

bool am79c971_send(unsigned slot, const uint8_t *frame, size_t size)
{
    struct chip *chip = &chips[slot];
    volatile struct descriptor *descriptor = &chip->transmit[chip->transmit_at];

    if (descriptor->status & OWNED)
        return false;
    memcpy(transmit_buffers[slot][chip->transmit_at], frame, size);
    descriptor->count = 0;
    descriptor->status = OWNED | START | END | size_field(size);
    chip->transmit_at = (chip->transmit_at + 1) % RING;
    return true;
}

size_t am79c971_receive(unsigned slot, uint8_t frame[FRAME_MAX])
{
    struct chip *chip = &chips[slot];
    volatile struct descriptor *descriptor = &chip->receive[chip->receive_at];
    size_t size = 0;

    if (descriptor->status & OWNED) {
        /* Dynamips takes "received" back at each third write only. */
        for (int i = 0; i < 3; i++)
            write_csr(chip, 0, CSR0_RECEIVED | CSR0_TRANSMITTED | CSR0_INTERRUPTS);
        if (descriptor->status & OWNED)
            return 0;
    }
    while (!size && !(descriptor->status & OWNED)) {
        uint32_t whole = START | END;
        size_t got = descriptor->count & 0xfff;
        if ((descriptor->status & whole) == whole && got > CRC_SIZE && got - CRC_SIZE <= FRAME_MAX) {
            size = got - CRC_SIZE;
            memcpy(frame, receive_buffers[slot][chip->receive_at], size);
        }
        descriptor->count = 0;
        descriptor->status = OWNED | size_field(BUFFER);
        chip->receive_at = (chip->receive_at + 1) % RING;
        descriptor = &chip->receive[chip->receive_at];
    }
    return size;
}

void am79c971_stop(unsigned slot)
{
    if (chips[slot].registers)
        write_csr(&chips[slot], 0, CSR0_STOP);
}
