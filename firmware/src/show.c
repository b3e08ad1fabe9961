/* show. The layouts are IOS 12.4's, to the column: people and scripts know them. */
#include "show.h"

#include "arp.h"
#include "config.h"
#include "icmp.h"
#include "log.h"
#include "rip.h"
#include "route.h"
#include "version.h"

typedef struct cli_arguments args;

static struct interface *named(const args *a, unsigned value)
{
    const struct interface_name *name = &a->values[value].interface;

    return interface_find(name->type, name->slot, name->unit);
}

static const char *status_of(const struct interface *interface)
{
    if (interface->shutdown)
        return "administratively down";
    return interface_is_up(interface) ? "up" : "down";
}

static void brief_line(args *a, const struct interface *interface)
{
    static const char *const origins[] = {"unset", "NVRAM", "manual"};

    text_print(a->out, "%-26s %-15s YES %-6s %-21s %-8s\n", interface->name,
               interface->address ? ip_text(interface->address) : "unassigned", origins[interface->origin],
               status_of(interface), interface_is_up(interface) ? "up" : "down");
}

static void ip_interface_brief(args *a)
{
    text_print(a->out, "Interface                  IP-Address      OK? Method Status                Protocol\n");
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        brief_line(a, i);
}

static void ip_interface_of(args *a, const struct interface *i)
{
    text_print(a->out, "%s is %s, line protocol is %s\n", i->name, status_of(i), interface_is_up(i) ? "up" : "down");
    if (!i->address) {
        text_print(a->out, "  Internet protocol processing disabled\n");
        return;
    }
    text_print(a->out, "  Internet address is %s/%u\n  Broadcast address is 255.255.255.255\n", ip_text(i->address),
               mask_length(i->mask));
    text_print(a->out, "  Address determined by %s\n  MTU is 1500 bytes\n  Helper address is not set\n",
               i->origin == ADDRESS_NVRAM ? "non-volatile memory" : "setup command");
    text_print(a->out, "  Directed broadcast forwarding is disabled\n%s",
               rip_is_active_on(i) ? "  Multicast reserved groups joined: 224.0.0.9\n" : "");
    text_print(
        a->out,
        "  Outgoing access list is not set\n  Inbound  access list is not set\n  Proxy ARP is disabled\n  Split "
        "horizon is enabled\n"
        "  ICMP redirects are never sent\n  ICMP unreachables are always sent\n  ICMP mask replies are never sent\n");
}

static void ip_interface(args *a)
{
    if (a->count)
        ip_interface_of(a, named(a, 0));
    else
        for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
            ip_interface_of(a, i);
}

static const char *last(const struct interface_counters *counters)
{
    return counters->ever ? age_text((clock_ms() - counters->last_ms) / 1000) : "never";
}

static void interface_of(args *a, const struct interface *i)
{
    struct text *out = a->out;
    const struct interface *port = i->type == VLAN ? vlan_port(i) : i;

    text_print(out, "%s is %s, line protocol is %s \n", i->name, status_of(i), interface_is_up(i) ? "up" : "down");
    text_print(out, "  Hardware is %s", i->hardware);
    if (i->type != LOOPBACK)
        text_print(out, ", address is %s (bia %s)", mac_text(i->mac), mac_text(i->mac));
    text_print(out, "\n");
    if (i->type == VLAN && port && port->switched)
        text_print(out, "  Carried by the switch in slot %u\n", port->slot);
    else if (i->type == VLAN)
        text_print(out, "  Carried by %s%s\n", port ? port->name : "no port: give one `switchport access vlan`",
                   port ? ", as a routed port of this name: there is no switch in this lab router" : "");
    if (i->switched)
        text_print(out, "  Switch port, access VLAN %u\n", i->access_vlan);
    else if (i->type == FASTETHERNET && i->access_vlan)
        text_print(out, "  Carries Vlan%u as a routed port: there is no switch in this lab router\n", i->access_vlan);
    if (i->description[0])
        text_print(out, "  Description: %s\n", i->description);
    if (i->address)
        text_print(out, "  Internet address is %s/%u\n", ip_text(i->address), mask_length(i->mask));
    if (i->type == LOOPBACK) {
        text_print(out, "  MTU 1514 bytes, BW 8000000 Kbit/sec, DLY 5000 usec, \n     reliability 255/255, txload "
                        "1/255, rxload 1/255\n"
                        "  Encapsulation LOOPBACK, loopback not set\n");
        return;
    }
    text_print(
        out,
        "  MTU 1500 bytes, BW 100000 Kbit/sec, DLY 100 usec, \n     reliability 255/255, txload 1/255, rxload 1/255\n"
        "  Encapsulation ARPA, loopback not set\n  Keepalive not set\n");
    if (i->type == FASTETHERNET)
        text_print(out, "  Full-duplex, 100Mb/s, 100BaseTX/FX\n");
    text_print(out, "  ARP type: ARPA, ARP Timeout 04:00:00\n");
    text_print(out,
               "  Last input %s, output %s, output hang never\n  Last clearing of \"show interface\" counters never\n",
               last(&i->input), last(&i->output));
    text_print(out, "  Input queue: 0/75/0/0 (size/max/drops/flushes); Total output drops: %u\n", i->output.drops);
    text_print(out, "  Queueing strategy: fifo\n  Output queue: 0/40 (size/max)\n");
    text_print(out, "     %u packets input, %u bytes\n     Received %u broadcasts, 0 runts, 0 giants, 0 throttles\n",
               i->input.packets, i->input.bytes, i->input.broadcasts);
    text_print(out, "     %u input errors, 0 CRC, 0 frame, 0 overrun, 0 ignored\n", i->input.errors);
    text_print(
        out, "     %u packets output, %u bytes, 0 underruns\n     %u output errors, 0 collisions, 0 interface resets\n",
        i->output.packets, i->output.bytes, i->output.errors);
}

static void show_interfaces(args *a)
{
    if (a->count)
        interface_of(a, named(a, 0));
    else
        for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
            interface_of(a, i);
}

static void interfaces_description(args *a)
{
    text_print(a->out, "Interface                      Status         Protocol Description\n");
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i)) {
        struct interface_name name;
        char shorter[28];
        struct text text;
        text_init(&text, shorter, sizeof shorter);
        parse_interface_name(i->name, strlen(i->name), &name);
        text_print(&text, "%.2s%s", i->name, i->name + strlen(interface_type_name(name.type)));
        text_print(a->out, "%-30s %-14s %-8s %s\n", shorter, i->shutdown ? "admin down" : status_of(i),
                   interface_is_up(i) ? "up" : "down", i->description);
    }
}

/* The VLANs that ports of switches are in. */
static void vlan_switch(args *a)
{
    uint32_t vlan = 0;

    text_print(a->out, "\nVLAN Name                             Status    Ports\n"
                       "---- -------------------------------- --------- -------------------------------\n");
    for (;;) {
        uint32_t next = UINT32_MAX;
        unsigned shown = 0;
        char name[16];
        struct text text;
        for (unsigned i = 0; i < MAX_INTERFACES; i++)
            if (interfaces[i].used && interfaces[i].switched && interfaces[i].access_vlan > vlan &&
                interfaces[i].access_vlan < next)
                next = interfaces[i].access_vlan;
        if (next == UINT32_MAX)
            break;
        vlan = next;
        text_init(&text, name, sizeof name);
        text_print(&text, vlan == 1 ? "default" : "VLAN%04u", vlan);
        text_print(a->out, "%-4u %-32s active    ", vlan, name);
        for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
            if (i->switched && i->access_vlan == vlan) {
                text_print(a->out, "%s%sFa%u/%u", shown ? ", " : "",
                           shown && shown % 4 == 0 ? "\n                                                " : "", i->slot,
                           i->unit);
                shown++;
            }
        text_print(a->out, "\n");
    }
}

static void ip_route(args *a)
{
    char source = 0;
    bool by_address = a->count && a->values[0].kind == CLI_ADDRESS;

    if (a->count && a->values[0].kind == CLI_KEYWORD)
        source = (char)a->values[0].number;
    routes_show(a->out, by_address ? a->values[0].number : 0, by_address, source);
}

static void arp(args *a)
{
    arp_show(a->out);
}

static void rip_database(args *a)
{
    rip_show_database(a->out);
}

static void protocols(args *a)
{
    if (rip_is_on())
        rip_show_protocol(a->out);
}

static void traffic(args *a)
{
    icmp_show(a->out);
}

void show_running(args *a)
{
    static char buffer[CONFIG_TEXT_SIZE];
    struct text text;

    text_init(&text, buffer, sizeof buffer);
    config_write(&text);
    text_print(a->out, "Building configuration...\n\nCurrent configuration : %u bytes\n", (unsigned)text.used);
    text_add(a->out, buffer, text.used);
    text_print(a->out, "\n");
}

static void running_interface(args *a)
{
    char buffer[512];
    struct text text;

    text_init(&text, buffer, sizeof buffer);
    config_write_interface(&text, named(a, 0));
    text_print(a->out, "Building configuration...\n\nCurrent configuration : %u bytes\n!\n", (unsigned)text.used);
    text_print(a->out, "%.*send\n\n", (int)(text.used - 2), buffer);
}

static void startup(args *a)
{
    static char buffer[CONFIG_TEXT_SIZE];
    size_t size = nvram_load(buffer, sizeof buffer);

    if (!size) {
        text_print(a->out, "startup-config is not present\n");
        return;
    }
    text_print(a->out, "Using %u out of %u bytes\n", (unsigned)size, board.nvram_kib * 1024);
    for (size_t i = 0; i < size; i++)
        if (buffer[i] != '\r')
            text_add(a->out, &buffer[i], 1);
    text_print(a->out, "\n");
}

static void version(args *a)
{
    unsigned ports = 0;

    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        ports += interfaces[i].used && interfaces[i].type == FASTETHERNET;
    text_print(a->out,
               "Exam lab router firmware, version %s\nThis is a free firmware for emulated routers. It is not Cisco "
               "IOS, and has no code of it.\n\n",
               FIRMWARE_VERSION);
    text_print(a->out, "%s uptime is ", config.hostname);
    uint32_t minutes = clock_seconds() / 60;
    if (minutes >= 1440)
        text_print(a->out, "%u day%s, ", minutes / 1440, minutes / 1440 == 1 ? "" : "s");
    if (minutes >= 60)
        text_print(a->out, "%u hour%s, ", minutes / 60 % 24, minutes / 60 % 24 == 1 ? "" : "s");
    text_print(a->out, "%u minute%s\n", minutes % 60, minutes % 60 == 1 ? "" : "s");
    text_print(a->out,
               "System image is of the free firmware, run by Dynamips\n\nEmulated %s (R7000) processor with %uM bytes "
               "of memory.\n",
               board.model, board.ram_mib);
    text_print(a->out, "%u FastEthernet interfaces\n%uK bytes of NVRAM.\n\nConfiguration register is 0x%x\n\n", ports,
               board.nvram_kib, board.config_register);
}

static void users(args *a)
{
    text_print(a->out, "    Line       User       Host(s)              Idle       Location\n");
    for (int line = 0; line < LINE_COUNT; line++) {
        const struct session *session = &sessions[line];
        if (session->state != SESSION_CLOSED)
            text_print(a->out, "%c%3d %s 0                idle                 %s   \n",
                       session == a->session ? '*' : ' ', line, line == LINE_CONSOLE ? "con" : "aux",
                       age_text((clock_ms() - session->last_input_ms) / 1000));
    }
    text_print(a->out, "\n  Interface    User               Mode         Idle     Peer Address\n\n");
}

static void show_clock(args *a)
{
    text_print(a->out, "*%s\n", clock_text());
}

static void history(args *a)
{
    for (unsigned i = 0; i < a->session->history_count; i++)
        text_print(a->out, "  %s\n", a->session->history[i]);
}

static void logging(args *a)
{
    log_show(a->out);
}

static void privilege(args *a)
{
    text_print(a->out, "Current privilege level is %u\n", a->session->privileged ? 15u : 1u);
}

static void debugging(args *a)
{
    if (debug_rip)
        text_print(a->out, "RIP:\n  RIP protocol debugging is on\n");
    if (debug_icmp)
        text_print(a->out, "Generic IP:\n  ICMP packet debugging is on\n");
}

static const struct cli_node interface_brief[] = {
    KEY("brief", "Brief summary of IP status and configuration", ip_interface_brief, NULL),
    INTERFACE(ip_interface, NULL, 0), END};
static const struct cli_node rip_what[] = {KEY("database", "IPv4 RIP database", rip_database, NULL), END};
static const struct cli_node route_what[] = {
    ADDRESS("Network to display information about or hostname", ip_route, NULL),
    TAGGED("connected", "Connected", ip_route, NULL, 'C'),
    TAGGED("rip", "Routing Information Protocol (RIP)", ip_route, NULL, 'R'),
    TAGGED("static", "Static routes", ip_route, NULL, 'S'),
    ABSENT("summary"),
    ABSENT("ospf"),
    ABSENT("eigrp"),
    ABSENT("bgp"),
    END};
static const struct cli_node show_ip[] = {
    KEY("arp", "IP ARP table", arp, NULL),
    KEY("interface", "IP interface status and configuration", ip_interface, interface_brief),
    KEY("protocols", "IP routing protocol process parameters and statistics", protocols, NULL),
    KEY("rip", "IP RIP show commands", NULL, rip_what),
    KEY("route", "IP routing table", ip_route, route_what),
    KEY("traffic", "IP protocol statistics", traffic, NULL),
    ABSENT("access-lists"),
    ABSENT("bgp"),
    ABSENT("cef"),
    ABSENT("dhcp"),
    ABSENT("eigrp"),
    ABSENT("nat"),
    ABSENT("ospf"),
    ABSENT("ssh"),
    END};
static const struct cli_node interface_what[] = {
    INTERFACE(show_interfaces, NULL, 0),
    KEY("description", "Show interface description", interfaces_description, NULL),
    ABSENT("status"),
    ABSENT("trunk"),
    ABSENT("switchport"),
    ABSENT("accounting"),
    END};
static const struct cli_node vlan_what[] = {KEY("brief", "VTP all VLAN status in brief", vlan_switch, NULL), END};
static const struct cli_node running_name[] = {INTERFACE(running_interface, NULL, 0), END};
static const struct cli_node running_what[] = {KEY("interface", "Show interface configuration", NULL, running_name),
                                               END};

#define PRIVILEGED(word, help, run, next)                                                                              \
    {                                                                                                                  \
        CLI_KEYWORD, word, help, run, next, CLI_PRIVILEGED, 0, 0, 0                                                    \
    }

static const struct cli_node clock[] = {ABSENT("detail"), END};

const struct cli_node show_commands[] = {
    KEY("arp", "ARP table", arp, NULL),
    KEY("clock", "Display the system clock", show_clock, clock),
    KEY("debugging", "State of each debugging option", debugging, NULL),
    KEY("history", "Display the session command history", history, NULL),
    KEY("interfaces", "Interface status and configuration", show_interfaces, interface_what),
    KEY("ip", "IP information", NULL, show_ip),
    PRIVILEGED("logging", "Show the contents of logging buffers", logging, NULL),
    KEY("privilege", "Show current privilege level", privilege, NULL),
    PRIVILEGED("running-config", "Current operating configuration", show_running, running_what),
    PRIVILEGED("startup-config", "Contents of startup configuration", startup, NULL),
    KEY("users", "Display information about terminal lines", users, NULL),
    KEY("version", "System hardware and software status", version, NULL),
    KEY("vlan-switch", "VTP VLAN status", vlan_switch, vlan_what),
    ABSENT("access-lists"),
    ABSENT("cdp"),
    ABSENT("configuration"),
    ABSENT("controllers"),
    ABSENT("diag"),
    ABSENT("environment"),
    ABSENT("file"),
    ABSENT("flash:"),
    ABSENT("hosts"),
    ABSENT("inventory"),
    ABSENT("ipv6"),
    ABSENT("line"),
    ABSENT("mac-address-table"),
    ABSENT("memory"),
    ABSENT("platform"),
    ABSENT("processes"),
    ABSENT("protocols"),
    ABSENT("sessions"),
    ABSENT("spanning-tree"),
    ABSENT("ssh"),
    ABSENT("tech-support"),
    ABSENT("terminal"),
    ABSENT("vlans"),
    ABSENT("vtp"),
    ABSENT("standby"),
    END,
};
