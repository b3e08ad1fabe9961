#include "router.h"

#include "arp.h"
#include "config.h"
#include "ethernet.h"
#include "log.h"
#include "rip.h"
#include "session.h"
#include "version.h"

#define FRAMES_PER_PORT 32  /* at a time, so that keys are answered while frames pour in */
#define IGNORE_STARTUP 0x40 /* bit of the configuration register: 0x2142 */

static uint32_t last_arp_ms;

static void print_console(const struct text *text)
{
    size_t from = 0;

    for (size_t at = 0; at < text->used; at++)
        if (text->buffer[at] == '\n') {
            line_put(LINE_CONSOLE, text->buffer + from, at - from);
            line_put(LINE_CONSOLE, "\r\n", 2);
            from = at + 1;
        }
}

void router_start(void (*add_ports)(void))
{
    static char buffer[8192];
    struct text out;

    text_init(&out, buffer, sizeof buffer);
    text_print(&out, "\n\nExam lab router firmware %s for Dynamips: free software, not Cisco IOS.\n", FIRMWARE_VERSION);
    text_print(&out, "Emulated %s with %uM bytes of memory, %uK bytes of NVRAM.\n\n", board.model, board.ram_mib,
               board.nvram_kib);
    config_reset();
    print_console(&out);
    sessions[LINE_CONSOLE].monitor = true;
    add_ports();
    text_init(&out, buffer, sizeof buffer);
    if (!nvram_load(buffer, 1))
        ; /* Dynamips also says 0x2142 when NVRAM is empty */
    else if (board.config_register & IGNORE_STARTUP)
        text_print(&out, "Configuration register 0x%x: startup-config is not read.\n", board.config_register);
    else
        config_load_startup(&out);
    interfaces_changed();
    print_console(&out);
    sessions_start();
    log_message("%%SYS-5-RESTART: System restarted --");
}

static struct interface *interface_of_port(unsigned port)
{
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (interfaces[i].used && interfaces[i].type == FASTETHERNET && !interfaces[i].switched &&
            interfaces[i].port == port)
            return &interfaces[i];
    return NULL;
}

static void receive_frames(void)
{
    static uint8_t frame[FRAME_MAX];

    for (unsigned port = 0; port < MAX_PORTS; port++) {
        struct interface *interface = interface_of_port(port);
        size_t size;
        for (int n = 0; interface && n < FRAMES_PER_PORT && (size = port_receive(port, frame)) > 0; n++)
            ethernet_receive(interface, frame, size);
    }
    for (uint8_t slot = 1; slot <= MAX_SLOTS; slot++) {
        uint32_t vlan;
        unsigned unit;
        size_t size;
        for (int n = 0; n < FRAMES_PER_PORT && (size = switch_receive(slot, frame, &vlan, &unit)) > 0; n++) {
            struct interface *port = interface_find(FASTETHERNET, slot, unit);
            if (port)
                ethernet_receive_switched(port, vlan, frame, size);
        }
    }
}

void router_poll(void)
{
    receive_frames();
    if (clock_ms() - last_arp_ms >= 100) {
        last_arp_ms = clock_ms();
        arp_tick();
    }
    rip_tick();
    sessions_tick();
}
