#include "board_native.h"

#include <sanitizer/asan_interface.h>
#include <string.h>

#include "arp.h"
#include "config.h"
#include "ethernet.h"
#include "icmp.h"
#include "interface.h"
#include "rip.h"
#include "route.h"
#include "router.h"
#include "session.h"

struct board board;
struct sent_frame sent[SENT_FRAMES];
unsigned sent_count;
char console_output[262144];
unsigned restarts;
char native_nvram[16384];
size_t native_nvram_size;

bool native_switch;
uint32_t native_switch_vlans[16];

static size_t console_used;
static const char *typed;
static uint32_t now_ms;

uint32_t clock_ms(void)
{
    return now_ms;
}

uint32_t clock_seconds(void)
{
    return now_ms / 1000;
}

int line_get(int line)
{
    if (line != LINE_CONSOLE || !typed || !*typed)
        return -1;
    return (uint8_t)*typed++;
}

void line_put(int line, const char *data, size_t size)
{
    if (line != LINE_CONSOLE)
        return;
    if (size > sizeof console_output - 1 - console_used)
        size = sizeof console_output - 1 - console_used;
    memcpy(console_output + console_used, data, size);
    console_used += size;
    console_output[console_used] = 0;
}

bool port_send(unsigned port, const uint8_t *frame, size_t size)
{
    if (sent_count == SENT_FRAMES)
        return false;
    sent[sent_count].port = port;
    sent[sent_count].size = size;
    memcpy(sent[sent_count++].data, frame, size);
    return true;
}

size_t port_receive(unsigned port, uint8_t frame[FRAME_MAX])
{
    (void)port;
    (void)frame;
    return 0;
}

void switch_set_port(unsigned slot, unsigned unit, uint32_t vlan)
{
    (void)slot;
    native_switch_vlans[unit] = vlan;
}

bool switch_send(unsigned slot, uint32_t vlan, const uint8_t *frame, size_t size)
{
    (void)slot;
    return port_send(100 + vlan, frame, size);
}

size_t switch_receive(unsigned slot, uint8_t frame[FRAME_MAX], uint32_t *vlan, unsigned *unit)
{
    (void)slot;
    (void)frame;
    (void)vlan;
    (void)unit;
    return 0;
}

size_t nvram_load(char *text, size_t size)
{
    size_t n = native_nvram_size < size ? native_nvram_size : size;

    memcpy(text, native_nvram, n);
    return n;
}

bool nvram_save(const char *text, size_t size)
{
    if (size > sizeof native_nvram)
        return false;
    memcpy(native_nvram, text, size);
    native_nvram_size = size;
    return true;
}

void board_restart(void)
{
    restarts++;
}

static void add_ports(void)
{
    for (uint8_t i = 0; i < 3; i++) {
        uint8_t mac[6];
        memcpy(mac, board.base_mac, 6);
        mac[5] = i < 2 ? i : 0x10;
        interface_add_port(i / 2, i % 2, i, "test", mac);
    }
    if (native_switch)
        interface_add_switch(2, 16, board.base_mac);
}

void native_boot(const char *startup_config)
{
    static const uint8_t mac[6] = {0xcc, 0x00, 0x79, 0x3b, 0x00, 0x00};

    memset(interfaces, 0, sizeof interfaces);
    memset(static_routes, 0, sizeof static_routes);
    memset(sessions, 0, sizeof sessions);
    memset(&rip, 0, sizeof rip);
    rip_clear_routes();
    arp_clear();
    debug_rip = debug_icmp = false;
    board = (struct board){.model = "3725", .ram_mib = 128, .nvram_kib = 112, .config_register = 0x2102};
    memcpy(board.base_mac, mac, 6);
    native_nvram_size = 0;
    nvram_save(startup_config, strlen(startup_config));
    console_used = 0;
    console_output[0] = 0;
    sent_count = 0;
    now_ms += 2000; /* limits of the router before do not hold for this one */
    router_start(add_ports);
    router_poll();
}

void native_run(uint32_t milliseconds)
{
    for (uint32_t passed = 0; passed < milliseconds; passed += 20) {
        now_ms += 20;
        router_poll();
    }
}

const char *native_type(const char *keys)
{
    console_used = 0;
    console_output[0] = 0;
    typed = keys;
    while (*typed)
        router_poll();
    router_poll();
    typed = NULL;
    return console_output;
}

void native_frame(unsigned port, const uint8_t *frame, size_t size)
{
    /* What is behind the frame is poison, so that the sanitizer sees a byte too far; but a forwarded packet is sent
     * from the same buffer and padded there. */
    static uint8_t buffer[FRAME_MAX];
    size_t readable = size < FRAME_MIN ? FRAME_MIN : size;

    if (size > FRAME_MAX)
        return;
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (interfaces[i].used && interfaces[i].type == FASTETHERNET && interfaces[i].port == port) {
            memset(buffer, 0xa5, sizeof buffer);
            memcpy(buffer, frame, size);
            ASAN_POISON_MEMORY_REGION(buffer + readable, sizeof buffer - readable);
            ethernet_receive(&interfaces[i], buffer, size);
            ASAN_UNPOISON_MEMORY_REGION(buffer, sizeof buffer);
            return;
        }
}

void native_switched_frame(unsigned unit, uint32_t vlan, const uint8_t *frame, size_t size)
{
    static uint8_t buffer[FRAME_MAX];

    memcpy(buffer, frame, size);
    ethernet_receive_switched(interface_find(FASTETHERNET, 2, unit), vlan, buffer, size);
}
