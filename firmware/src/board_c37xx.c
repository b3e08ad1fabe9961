/* The c2691, c3725 and c3745 under Dynamips: which one this is, its lines and ports, time, and the main loop. */
#include "hardware.h"
#include "interface.h"
#include "log.h"
#include "router.h"

/* Dynamips' own device, on all platforms: it knows the machine. */
#define REMOTE KSEG1(0x16000000)
#define REMOTE_RAM_MIB (REMOTE + 0x14)
#define REMOTE_NVRAM_KIB (REMOTE + 0x1c)
#define REMOTE_CONFIG_REGISTER (REMOTE + 0x24)
#define REMOTE_MACHINE (REMOTE + 0x2c)

/* NS16552: two channels of eight registers, eight bytes apart. */
#define UART_PHYSICAL 0x3c100000u
#define UART 0xc0000000u
#define UART_CHANNEL(line) (UART + (uint32_t)(line)*0x40)
#define UART_DATA 0x00
#define UART_INTERRUPTS 0x08
#define UART_ON_RECEIVE 0x01
#define UART_IDENTITY 0x10
#define UART_STATUS 0x28
#define UART_RECEIVED 0x01

#define GT96100_HIGH 0xc0200000u /* where a controller out of KSEG1's reach is mapped */
#define PAGE_4K 0
#define PAGE_1M 0x001fe000u
/* Uncached, writable, valid, global. */
#define TLB_ENTRY(physical) ((physical) >> 12 << 6 | 0x17)

#define CAUSE_TIMER 0x8000u
#define TICK_MS 4
#define BLOCKS_PER_TICK 1100

/* The EEPROM on the I/O FPGA's pins. */
#define EEPROM_PORT 0x0e
#define EEPROM_CLOCK 0x02
#define EEPROM_IN 0x04
#define EEPROM_OUT 0x08
#define EEPROM_WORDS 64
#define FIELD_MAC 0xc3

static const struct platform platforms[] = {
    {.machine = 0x61,
     .model = "3725",
     .gt96100 = 0x14000000,
     .io_fpga = 0x1e800000,
     .eeprom_select = 0x001,
     .nvram_offset = 0xe0000,
     .nvram_size = 0x1c000,
     .slots = 2,
     .pci_device = {0, 6, 10}},
    {.machine = 0x66,
     .model = "2691",
     .gt96100 = 0x14000000,
     .io_fpga = 0x1e800000,
     .eeprom_select = 0x001,
     .nvram_offset = 0xe0000,
     .nvram_size = 0x1c000,
     .slots = 1,
     .pci_device = {0, 6}},
    {.machine = 0x69,
     .model = "3745",
     .gt96100 = 0x24000000,
     .io_fpga = 0x1fa00000,
     .eeprom_select = 0x200,
     .nvram_offset = 0xb0000,
     .nvram_size = 0x4c000,
     .slots = 4,
     .pci_device = {0},
     .pci_bridges = true},
};

const struct platform *platform;
struct board board;

static uint32_t ms, seconds, ms_of_second;
static uint8_t port_slot[MAX_PORTS]; /* 0: a port of the GT96100, by number */

/* ---- time ---- */

static void count_tick(void)
{
    ms += TICK_MS;
    ms_of_second += TICK_MS;
    if (ms_of_second >= 1000) {
        ms_of_second -= 1000;
        seconds++;
    }
}

/* After the host slept, several ticks are due: run on until no more are handed out, or time would fall behind. */
static void read_ticks(void)
{
    while (cpu_cause() & CAUSE_TIMER) {
        cpu_clear_timer();
        count_tick();
        cpu_run_blocks(BLOCKS_PER_TICK);
    }
}

uint32_t clock_ms(void)
{
    return ms;
}

uint32_t clock_seconds(void)
{
    return seconds;
}

/* ---- lines ---- */

int line_get(int line)
{
    if (!(REG8(UART_CHANNEL(line) + UART_STATUS) & UART_RECEIVED))
        return -1;
    return REG8(UART_CHANNEL(line) + UART_DATA);
}

void line_put(int line, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        REG8(UART_CHANNEL(line) + UART_DATA) = (uint8_t)data[i];
}

/* Writing the interrupt enables flushes Dynamips' output buffer; reading the identity takes the interrupt back. */
static void service_lines(void)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        (void)REG8(UART_CHANNEL(line) + UART_IDENTITY);
        REG8(UART_CHANNEL(line) + UART_INTERRUPTS) = UART_ON_RECEIVE;
    }
}

/* ---- ports ---- */

bool port_send(unsigned port, const uint8_t *frame, size_t size)
{
    return port_slot[port] ? am79c971_send(port_slot[port], frame, size) : gt96100_send(port, frame, size);
}

size_t port_receive(unsigned port, uint8_t frame[FRAME_MAX])
{
    return port_slot[port] ? am79c971_receive(port_slot[port], frame) : gt96100_receive(port, frame);
}

static unsigned bus_of(unsigned slot)
{
    return platform->pci_bridges ? slot : 0;
}

uint32_t slot_probe(unsigned slot)
{
    if (platform->pci_bridges) /* the bridge's secondary and subordinate bus */
        gt96100_pci_write(0, slot, 0x18, slot << 16 | slot << 8);
    return gt96100_pci_read(bus_of(slot), platform->pci_device[slot], 0);
}

void slot_map(unsigned slot, unsigned base_register, uint32_t physical)
{
    gt96100_pci_write(bus_of(slot), platform->pci_device[slot], base_register, physical);
}

static void add_ports(void)
{
    uint8_t mac[6];
    unsigned next = 0;

    for (uint8_t unit = 0; unit < 2; unit++) {
        memcpy(mac, board.base_mac, 6);
        mac[5] = (uint8_t)(mac[5] + unit);
        gt96100_port_init(unit);
        interface_add_port(0, unit, next++, "Gt96k FE", mac);
    }
    for (uint8_t slot = 1; slot <= platform->slots; slot++) {
        memcpy(mac, board.base_mac, 6);
        mac[5] = (uint8_t)(mac[5] + slot * 0x10);
        if (bcm5600_init(slot)) {
            interface_add_switch(slot, 16, mac);
            continue;
        }
        if (!am79c971_init(slot, mac)) {
            if (slot_probe(slot) != PCI_EMPTY)
                log_message("%%LAB-3-CARD: the card in slot %u is not in this lab router: NM-1FE-TX and NM-16ESW are",
                            slot);
            continue;
        }
        port_slot[next] = slot;
        interface_add_port(slot, 0, next++, "AmdFE", mac);
    }
}

/* ---- the machine ---- */

static uint16_t eeprom_word(unsigned address)
{
    volatile uint16_t *pins = (volatile uint16_t *)(KSEG1(platform->io_fpga) + EEPROM_PORT);
    uint16_t select = platform->eeprom_select, word = 0;
    unsigned command = 3 | address << 3; /* start bit, opcode "read", address: lowest bit first in this emulation */

    *pins = 0;
    *pins = select;
    for (int bit = 0; bit < 9; bit++) {
        uint16_t data = command >> bit & 1 ? EEPROM_IN : 0;
        *pins = select | data;
        *pins = select | data | EEPROM_CLOCK;
    }
    for (int bit = 0; bit < 16; bit++) {
        *pins = select;
        *pins = select | EEPROM_CLOCK;
        if (*pins & EEPROM_OUT)
            word |= (uint16_t)(1u << bit);
    }
    *pins = 0;
    return word;
}

static void read_base_mac(void)
{
    static const uint8_t fallback[6] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x00};
    uint8_t bytes[EEPROM_WORDS * 2];

    for (unsigned i = 0; i < EEPROM_WORDS; i++)
        put16(bytes + 2 * i, eeprom_word(i));
    memcpy(board.base_mac, fallback, 6);
    for (unsigned i = 0; i + 8 <= sizeof bytes; i++)
        if (bytes[i] == FIELD_MAC && bytes[i + 1] == 6) {
            memcpy(board.base_mac, bytes + i + 2, 6);
            return;
        }
}

static void find_platform(void)
{
    uint32_t machine = REG32(REMOTE_MACHINE);

    platform = &platforms[0];
    for (unsigned i = 0; i < ARRAY_SIZE(platforms); i++)
        if (platforms[i].machine == machine)
            platform = &platforms[i];
    board.model = platform->model;
    board.ram_mib = REG32(REMOTE_RAM_MIB);
    board.nvram_kib = REG32(REMOTE_NVRAM_KIB);
    board.config_register = REG32(REMOTE_CONFIG_REGISTER);
}

void board_restart(void)
{
    service_lines();
    gt96100_stop();
    for (unsigned slot = 1; slot <= platform->slots; slot++) {
        am79c971_stop(slot);
        bcm5600_stop(slot);
    }
    start();
}

void board_main(void);

void board_main(void)
{
    cpu_map(0, UART, TLB_ENTRY(UART_PHYSICAL), 1, PAGE_4K);
    find_platform();
    if (platform->gt96100 >= 0x20000000) {
        cpu_map(1, GT96100_HIGH, TLB_ENTRY(platform->gt96100), TLB_ENTRY(platform->gt96100 + 0x100000), PAGE_1M);
        gt96100_init(GT96100_HIGH);
    } else
        gt96100_init(KSEG1(platform->gt96100));
    read_base_mac();
    service_lines();
    router_start(add_ports);
    for (;;) {
        service_lines();
        cpu_wait();
        read_ticks();
        router_poll();
    }
}
