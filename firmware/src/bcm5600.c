/* Broadcom BCM5605, the switch chip of an NM-16ESW. It switches between its ports by itself; the router is one more
 * member of each VLAN, and sees frames with an 802.1Q tag.
 *
 * Dynamips' model of it knows no ownership of descriptors: it walks a chain once and stops where a descriptor says so.
 * So frames are sent in batches, and of two receive chains one is handed out before the other is full. */
#include "hardware.h"

#define MAX_SLOT 4
#define PORTS 16
#define VENDOR_DEVICE 0x560514e4u
#define PCI_MEMORY_BASE 0x10
#define WINDOW 0x19000000u /* physical; free on all three platforms */
#define WINDOW_SIZE 0x200000u

#define COMMAND 0x50 /* of the "S-channel", which reaches the tables */
#define COMMAND_EXECUTE 0x80
#define DATA_WORD(n) (0x800u + (n)*4u)
#define OPERATION_WRITE_MEMORY (0x09u << 26)
#define OPERATION_INSERT_ADDRESS (0x0fu << 26)
#define TX_CHAIN 0x110
#define RX_CHAIN 0x114
#define STATUS 0x144 /* reading it takes the interrupt back */
#define STATUS_TX_ENDED 0x100

#define PORT_TABLE 0x03000000u
#define PORT_TABLE_WORDS 6
#define VLAN_TABLE 0x05000000u
#define VLAN_TABLE_WORDS 4
#define VLAN_ENTRIES 17 /* the chip has 255; ours: at most one per port, from index 1 */
#define NO_VLAN 0xfffu
#define CPU_PORT 27u
#define ADDRESS_TO_CPU 0x80000000u
#define ADDRESS_STATIC 0x8u

#define CHAIN_GOES_ON 0x80000000u
#define SWITCH_DECIDES 0x00800000u /* where to, from the tag and the address */
#define RX_RING 64
#define BATCH 64
#define BUFFER 1600
#define TAG_SIZE 4
#define CRC_SIZE 4

struct descriptor {
    uint32_t buffer, size, ports, unused[2];
    uint32_t received, port; /* written by the chip, in this order: only a port says that the frame is all there */
    uint32_t unused_too;
};

struct batch {
    unsigned count;
    uint8_t (*frames)[BUFFER];
    uint16_t sizes[BATCH];
};

struct chain {
    volatile struct descriptor descriptors[RX_RING] __attribute__((aligned(32)));
    uint8_t (*buffers)[BUFFER];
};

struct chip {
    struct chain chains[2];
    unsigned reading, filled; /* the chain that we read, and the one that the chip fills: after a change, what is left
                                 in the old one comes first */
    unsigned receive_at;
    volatile struct descriptor transmit[BATCH] __attribute__((aligned(32)));
    struct batch batches[2];
    unsigned filling; /* the batch that takes new frames; the other may be on its way */
    bool sending;
    uintptr_t registers;   /* 0: no card */
    uint16_t vlans[PORTS]; /* 0: the port is shut */
};

static struct chip chips[MAX_SLOT + 1];
static uint8_t receive_buffers[MAX_SLOT + 1][2][RX_RING][BUFFER] NOT_CLEARED;
static uint8_t transmit_buffers[MAX_SLOT + 1][2][BATCH][BUFFER] NOT_CLEARED;

/* The chip's number of a port, by the number on the card's front. */
static const uint8_t chip_port[PORTS] = {2, 0, 6, 4, 10, 8, 14, 12, 3, 1, 7, 5, 11, 9, 15, 13};

static void execute(const struct chip *chip, uint32_t operation, const uint32_t *words, unsigned count)
{
    REG32(chip->registers + DATA_WORD(0)) = operation;
    for (unsigned i = 0; i < count; i++)
        REG32(chip->registers + DATA_WORD(i + 1)) = words[i];
    REG32(chip->registers + COMMAND) = COMMAND_EXECUTE;
}

static void hand_out(struct chip *chip, unsigned number)
{
    struct chain *chain = &chip->chains[number];

    for (unsigned i = 0; i < RX_RING; i++) {
        chain->descriptors[i].buffer = PHYSICAL(chain->buffers[i]);
        chain->descriptors[i].size = BUFFER | (i + 1 < RX_RING ? CHAIN_GOES_ON : 0);
        chain->descriptors[i].port = 0;
    }
    chip->filled = number;
    REG32(chip->registers + RX_CHAIN) = PHYSICAL(chain->descriptors);
}

/* Frames for our own address in a VLAN come to us alone, instead of to all ports. */
static void insert_own_address(const struct chip *chip, uint32_t vlan)
{
    const uint8_t *mac = board.base_mac;
    uint32_t words[3] = {get32(mac + 2), ADDRESS_TO_CPU | vlan << 16 | get16(mac), ADDRESS_STATIC | CPU_PORT << 15};

    execute(chip, OPERATION_INSERT_ADDRESS, words, 3);
}

static void write_tables(const struct chip *chip)
{
    unsigned used = 0;
    uint16_t seen[PORTS];

    for (unsigned port = 0; port < PORTS; port++) {
        uint32_t words[1 + PORT_TABLE_WORDS] = {PORT_TABLE | chip_port[port],
                                                chip->vlans[port] ? chip->vlans[port] : NO_VLAN};
        execute(chip, OPERATION_WRITE_MEMORY, words, ARRAY_SIZE(words));
    }
    for (unsigned port = 0; port < PORTS; port++) {
        uint32_t members = 0;
        bool repeated = !chip->vlans[port];
        for (unsigned i = 0; i < used; i++)
            repeated |= seen[i] == chip->vlans[port];
        if (repeated)
            continue;
        for (unsigned other = 0; other < PORTS; other++)
            if (chip->vlans[other] == chip->vlans[port])
                members |= 1u << chip_port[other];
        seen[used++] = chip->vlans[port];
        uint32_t words[1 + VLAN_TABLE_WORDS] = {VLAN_TABLE | used, chip->vlans[port], members | 1u << CPU_PORT, members,
                                                0};
        execute(chip, OPERATION_WRITE_MEMORY, words, ARRAY_SIZE(words));
        insert_own_address(chip, chip->vlans[port]);
    }
    for (unsigned index = used + 1; index < VLAN_ENTRIES; index++) {
        uint32_t words[1 + VLAN_TABLE_WORDS] = {VLAN_TABLE | index};
        execute(chip, OPERATION_WRITE_MEMORY, words, ARRAY_SIZE(words));
    }
}

bool bcm5600_init(unsigned slot)
{
    struct chip *chip = &chips[slot];
    uint32_t window = WINDOW + slot * WINDOW_SIZE;
    static const uint32_t nobody[3];

    if (slot_probe(slot) != VENDOR_DEVICE)
        return false;
    slot_map(slot, PCI_MEMORY_BASE, window);
    chip->registers = KSEG1(window);
    for (unsigned i = 0; i < 2; i++) {
        chip->chains[i].buffers = receive_buffers[slot][i];
        chip->batches[i].frames = transmit_buffers[slot][i];
    }
    execute(chip, OPERATION_INSERT_ADDRESS, nobody, 3); /* the first entry of the address table is never looked at */
    write_tables(chip);
    hand_out(chip, 0);
    return true;
}

void switch_set_port(unsigned slot, unsigned unit, uint32_t vlan)
{
    struct chip *chip = &chips[slot];

    if (!chip->registers || chip->vlans[unit] == vlan)
        return;
    chip->vlans[unit] = (uint16_t)vlan;
    write_tables(chip);
}

static void send_batch(struct chip *chip)
{
    struct batch *batch = &chip->batches[chip->filling];

    if (chip->sending || !batch->count)
        return;
    for (unsigned i = 0; i < batch->count; i++) {
        chip->transmit[i].buffer = PHYSICAL(batch->frames[i]);
        chip->transmit[i].size = batch->sizes[i] | (i + 1 < batch->count ? CHAIN_GOES_ON : 0);
        chip->transmit[i].ports = SWITCH_DECIDES;
    }
    chip->sending = true;
    chip->filling ^= 1;
    chip->batches[chip->filling].count = 0;
    REG32(chip->registers + TX_CHAIN) = PHYSICAL(chip->transmit);
}

bool switch_send(unsigned slot, uint32_t vlan, const uint8_t *frame, size_t size)
{
    struct chip *chip = &chips[slot];
    struct batch *batch = &chip->batches[chip->filling];
    uint8_t *to;

    if (!chip->registers || batch->count == BATCH)
        return false;
    to = batch->frames[batch->count];
    memcpy(to, frame, 12);
    put16(to + 12, 0x8100);
    put16(to + 14, (uint16_t)vlan);
    memcpy(to + 16, frame + 12, size - 12);
    batch->sizes[batch->count++] = (uint16_t)(size + TAG_SIZE + CRC_SIZE);
    send_batch(chip);
    return true;
}

static unsigned front_port(unsigned number)
{
    for (unsigned i = 0; i < PORTS; i++)
        if (chip_port[i] == number)
            return i;
    return 0;
}

/* Removes the tag. 0: nothing that could be for us. */
static size_t take_frame(const uint8_t *from, size_t got, uint8_t frame[FRAME_MAX], uint32_t *vlan)
{
    size_t size = got - TAG_SIZE - CRC_SIZE;

    if (got < 18 + CRC_SIZE || got > FRAME_MAX + TAG_SIZE + CRC_SIZE || get16(from + 12) != 0x8100)
        return 0;
    *vlan = get16(from + 14) & 0xfff;
    memcpy(frame, from, 12);
    memcpy(frame + 12, from + 16, size - 12);
    return size;
}

size_t switch_receive(unsigned slot, uint8_t frame[FRAME_MAX], uint32_t *vlan, unsigned *unit)
{
    struct chip *chip = &chips[slot];

    if (!chip->registers)
        return 0;
    for (;;) {
        struct chain *chain = &chip->chains[chip->reading];
        volatile struct descriptor *descriptor = &chain->descriptors[chip->receive_at];
        if (chip->receive_at < RX_RING && descriptor->port) {
            const uint8_t *buffer = chain->buffers[chip->receive_at++];
            size_t size = take_frame(buffer, descriptor->received & 0xffff, frame, vlan);
            *unit = front_port(descriptor->port & 0xff);
            if (size)
                return size;
        } else if (chip->reading != chip->filled) {
            chip->reading = chip->filled;
            chip->receive_at = 0;
        } else if (chip->receive_at >= RX_RING / 2) {
            hand_out(chip, chip->filled ^ 1);
        } else {
            if (REG32(chip->registers + STATUS) & STATUS_TX_ENDED) {
                chip->sending = false;
                send_batch(chip);
            }
            if (!descriptor->port)
                return 0;
        }
    }
}

void bcm5600_stop(unsigned slot)
{
    if (!chips[slot].registers)
        return;
    REG32(chips[slot].registers + RX_CHAIN) = 0;
    REG32(chips[slot].registers + TX_CHAIN) = 0;
}
