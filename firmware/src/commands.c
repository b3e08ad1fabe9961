/* Commands of user and privileged mode, but for `show` (show.c). */
#include "arp.h"
#include "cli.h"
#include "config.h"
#include "icmp.h"
#include "rip.h"
#include "route.h"
#include "show.h"

typedef struct cli_arguments args;

static void enable(args *a)
{
    session_enable(a->session);
}

static void disable(args *a)
{
    a->session->privileged = false;
}

static void leave(args *a)
{
    session_close(a->session);
}

static void configure(args *a)
{
    text_print(a->out, "Enter configuration commands, one per line.  End with CNTL/Z.\n");
    a->session->mode = MODE_CONFIG;
}

static void configure_answered(struct session *session, const char *answer)
{
    if (*answer && !text_begins(answer, strlen(answer), "terminal")) {
        text_print(&session->out, "%% Not in this lab router\n");
        return;
    }
    text_print(&session->out, "Enter configuration commands, one per line.  End with CNTL/Z.\n");
    session->mode = MODE_CONFIG;
}

static void configure_what(args *a)
{
    session_ask(a->session, "Configuring from terminal, memory, or network [terminal]? ", configure_answered);
}

static void save(struct text *out)
{
    text_print(out, "Building configuration...\n");
    text_print(out, config_save_startup()
                        ? "[OK]\n"
                        : "%% The configuration does not fit in NVRAM: startup-config is as it was\n");
}

static void write_memory(args *a)
{
    save(a->out);
}

static void copy_answered(struct session *session, const char *answer)
{
    if (*answer && !text_equal(answer, "startup-config"))
        text_print(&session->out, "%% Not in this lab router: files other than startup-config\n");
    else
        save(&session->out);
}

static void copy_running(args *a)
{
    session_ask(a->session, "Destination filename [startup-config]? ", copy_answered);
}

static bool confirmed(const char *answer)
{
    return !*answer || lower(*answer) == 'y';
}

static void erase_answered(struct session *session, const char *answer)
{
    if (!confirmed(answer))
        return;
    nvram_save("", 0);
    text_print(&session->out, "[OK]\nErase of nvram: complete\n");
}

static void erase_startup(args *a)
{
    session_ask(a->session, "Erasing the nvram filesystem will remove all configuration files! Continue? [confirm]",
                erase_answered);
}

static void reload_answered(struct session *session, const char *answer)
{
    if (!confirmed(answer))
        return;
    text_print(&session->out, "\n%%SYS-5-RELOAD: Reload requested by %s\n",
               session->line == LINE_CONSOLE ? "console" : "aux0");
    session_flush(session);
    board_restart();
}

static void reload_save_answered(struct session *session, const char *answer)
{
    if (lower(*answer) == 'y')
        save(&session->out);
    session_ask(session, "Proceed with reload? [confirm]", reload_answered);
}

static void reload(args *a)
{
    static char saved[CONFIG_TEXT_SIZE], current[CONFIG_TEXT_SIZE];
    size_t size = nvram_load(saved, sizeof saved);
    struct text text;

    text_init(&text, current, sizeof current);
    config_write(&text);
    if (size == text.used && memcmp(saved, current, size) == 0)
        session_ask(a->session, "Proceed with reload? [confirm]", reload_answered);
    else
        session_ask(a->session, "\nSystem configuration has been modified. Save? [yes/no]: ", reload_save_answered);
}

static void ping(args *a)
{
    uint32_t count = 5, size = 100, timeout = 2, source = 0;

    for (unsigned i = 1; i + 1 < a->count; i += 2) {
        const struct cli_value *value = &a->values[i + 1];
        switch (a->values[i].number) {
        case 'r':
            count = value->number;
            break;
        case 's':
            size = value->number;
            break;
        case 't':
            timeout = value->number;
            break;
        default:
            source = value->number;
            if (value->kind == CLI_INTERFACE)
                source = interface_find(value->interface.type, value->interface.slot, value->interface.unit)->address;
            if (!source || !address_is_ours(source)) {
                text_print(a->out, "%% Invalid source address- IP address not on any of our up interfaces\n");
                return;
            }
        }
    }
    a->session->state = SESSION_BUSY;
    probe_ping(a->session, a->values[0].number, source, count, size, timeout);
}

static void traceroute(args *a)
{
    a->session->state = SESSION_BUSY;
    probe_traceroute(a->session, a->values[0].number);
}

static void unknown_host(args *a)
{
    text_print(a->out, "Translating \"%s\"\n%% Unrecognized host or address, or protocol not running.\n\n",
               a->values[0].text);
}

static void terminal_length(args *a)
{
    a->session->terminal_length = a->values[0].number == 1 ? 2 : a->values[0].number;
}

static void terminal_monitor(args *a)
{
    a->session->monitor = true;
}

static void terminal_no_monitor(args *a)
{
    a->session->monitor = false;
}

static void terminal_accept(args *a)
{
    (void)a;
}

static void clear_arp(args *a)
{
    (void)a;
    arp_clear();
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        arp_announce(i);
}

static void clear_counters(args *a)
{
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i)) {
        i->input = (struct interface_counters){0};
        i->output = (struct interface_counters){0};
    }
    text_print(a->out, "Counters of all interfaces are cleared\n");
}

static void clear_routes(args *a)
{
    (void)a;
    rip_clear_routes();
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        interfaces[i].rip_was_active = false; /* asks the neighbours again */
    rip_interfaces_changed();
}

static void debug_rip_on(args *a)
{
    debug_rip = true;
    text_print(a->out, "RIP protocol debugging is on\n");
}

static void debug_icmp_on(args *a)
{
    debug_icmp = true;
    text_print(a->out, "ICMP packet debugging is on\n");
}

static void debug_rip_off(args *a)
{
    debug_rip = false;
    text_print(a->out, "RIP protocol debugging is off\n");
}

static void debug_icmp_off(args *a)
{
    debug_icmp = false;
    text_print(a->out, "ICMP packet debugging is off\n");
}

static void debug_off(args *a)
{
    debug_rip = debug_icmp = false;
    text_print(a->out, "All possible debugging has been turned off\n");
}

static const struct cli_node terminal[] = {KEY("terminal", "Configure from the terminal", configure, NULL),
                                           ABSENT("memory"), ABSENT("network"), ABSENT("replace"), END};
static const struct cli_node write[] = {
    KEY("erase", "Erase NV memory", erase_startup, NULL), KEY("memory", "Write to NV memory", write_memory, NULL),
    KEY("terminal", "Write to terminal", show_running, NULL), ABSENT("network"), END};
static const struct cli_node copy_to[] = {KEY("startup-config", "Copy to startup configuration", copy_running, NULL),
                                          ABSENT("tftp:"), ABSENT("flash:"), ABSENT("running-config"), END};
static const struct cli_node copy[] = {KEY("running-config", "Copy from current system configuration", NULL, copy_to),
                                       ABSENT("startup-config"), ABSENT("tftp:"), ABSENT("flash:"), END};
static const struct cli_node erase[] = {
    KEY("startup-config", "Erase contents of configuration memory", erase_startup, NULL), ABSENT("flash:"),
    ABSENT("nvram:"), END};

static const struct cli_node ping_options[5];
static const struct cli_node ping_repeat[] = {NUMBER("<1-100000>", "repeat count", ping, ping_options, 1, 100000), END};
static const struct cli_node ping_size[] = {NUMBER("<36-1500>", "Datagram size", ping, ping_options, 36, 1500), END};
static const struct cli_node ping_timeout[] = {NUMBER("<0-3600>", "Timeout in seconds", ping, ping_options, 0, 3600),
                                               END};
static const struct cli_node ping_source[] = {ADDRESS("Source address", ping, ping_options),
                                              INTERFACE(ping, ping_options, 0), END};
static const struct cli_node ping_options[5] = {
    TAGGED("repeat", "specify repeat count", NULL, ping_repeat, 'r'),
    TAGGED("size", "specify datagram size", NULL, ping_size, 's'),
    TAGGED("source", "specify source address or name", NULL, ping_source, 'o'),
    TAGGED("timeout", "specify timeout interval", NULL, ping_timeout, 't'), END};
static const struct cli_node ping_address[] = {ADDRESS("Ping destination address", ping, ping_options), END};
static const struct cli_node ping_what[] = {
    KEY("ip", "IP echo", NULL, ping_address),
    ADDRESS("Ping destination address", ping, ping_options),
    ABSENT("ipv6"),
    {CLI_WORD, "WORD", "Ping destination address", unknown_host, NULL, CLI_HIDDEN, 0, 0, 0},
    END};
static const struct cli_node trace_address[] = {ADDRESS("Trace route to destination address", traceroute, NULL), END};
static const struct cli_node trace_what[] = {
    KEY("ip", "IP Trace", NULL, trace_address),
    ADDRESS("Trace route to destination address", traceroute, NULL),
    ABSENT("ipv6"),
    {CLI_WORD, "WORD", "Trace route to destination address", unknown_host, NULL, CLI_HIDDEN, 0, 0, 0},
    END};

static const struct cli_node length[] = {
    NUMBER("<0-512>", "Number of lines on screen (0 for no pausing)", terminal_length, NULL, 0, 512), END};
static const struct cli_node width[] = {
    NUMBER("<0-512>", "Number of characters on a screen line (0 for no limit)", terminal_accept, NULL, 0, 512), END};
static const struct cli_node no_monitor[] = {
    KEY("monitor", "Copy debug output to the current terminal line", terminal_no_monitor, NULL), END};
static const struct cli_node terminal_what[] = {
    KEY("length", "Set number of lines on a screen", NULL, length),
    KEY("monitor", "Copy debug output to the current terminal line", terminal_monitor, NULL),
    KEY("no", "Negate a command or set its defaults", NULL, no_monitor),
    KEY("width", "Set width of the display terminal", NULL, width),
    ABSENT("history"),
    ABSENT("editing"),
    ABSENT("ip"),
    END};

static const struct cli_node clear_ip_route[] = {KEY("*", "Delete all routes", clear_routes, NULL), END};
static const struct cli_node clear_ip[] = {KEY("route", "Delete route table entries", NULL, clear_ip_route),
                                           ABSENT("nat"), ABSENT("ospf"), END};
static const struct cli_node clear[] = {KEY("arp-cache", "Clear the entire ARP cache", clear_arp, NULL),
                                        KEY("counters", "Clear counters on all interfaces", clear_counters, NULL),
                                        KEY("ip", "IP", NULL, clear_ip),
                                        ABSENT("line"),
                                        ABSENT("logging"),
                                        ABSENT("cdp"),
                                        END};

static const struct cli_node debug_ip[] = {KEY("icmp", "ICMP transactions", debug_icmp_on, NULL),
                                           KEY("rip", "RIP protocol transactions", debug_rip_on, NULL),
                                           ABSENT("packet"),
                                           ABSENT("routing"),
                                           ABSENT("ospf"),
                                           ABSENT("eigrp"),
                                           ABSENT("nat"),
                                           END};
static const struct cli_node debug[] = {KEY("ip", "IP information", NULL, debug_ip),
                                        ABSENT("all"),
                                        ABSENT("arp"),
                                        ABSENT("frame-relay"),
                                        ABSENT("ppp"),
                                        END};
static const struct cli_node undebug_ip[] = {KEY("icmp", "ICMP transactions", debug_icmp_off, NULL),
                                             KEY("rip", "RIP protocol transactions", debug_rip_off, NULL), END};
static const struct cli_node undebug[] = {KEY("all", "Enable all debugging", debug_off, NULL),
                                          KEY("ip", "IP information", NULL, undebug_ip), END};
static const struct cli_node no_debug[] = {KEY("debug", "Disable debugging functions", NULL, undebug), END};

#define PRIVILEGED(word, help, run, next)                                                                              \
    {                                                                                                                  \
        CLI_KEYWORD, word, help, run, next, CLI_PRIVILEGED, 0, 0, 0                                                    \
    }

const struct cli_node exec_commands[] = {
    PRIVILEGED("clear", "Reset functions", NULL, clear),
    PRIVILEGED("configure", "Enter configuration mode", configure_what, terminal),
    PRIVILEGED("copy", "Copy from one file to another", NULL, copy),
    PRIVILEGED("debug", "Debugging functions (see also 'undebug')", NULL, debug),
    KEY("disable", "Turn off privileged commands", disable, NULL),
    KEY("enable", "Turn on privileged commands", enable, NULL),
    PRIVILEGED("erase", "Erase a filesystem", NULL, erase),
    KEY("exit", "Exit from the EXEC", leave, NULL),
    {CLI_KEYWORD, "end", "", terminal_accept, NULL, CLI_HIDDEN, 0, 0, 0},
    KEY("logout", "Exit from the EXEC", leave, NULL),
    {CLI_KEYWORD, "no", "Disable debugging functions", NULL, no_debug, CLI_PRIVILEGED, 0, 0, 0},
    KEY("ping", "Send echo messages", NULL, ping_what),
    {CLI_KEYWORD, "quit", "Exit from the EXEC", leave, NULL, CLI_HIDDEN, 0, 0, 0},
    PRIVILEGED("reload", "Halt and perform a cold restart", reload, NULL),
    KEY("show", "Show running system information", NULL, show_commands),
    KEY("terminal", "Set terminal line parameters", NULL, terminal_what),
    KEY("traceroute", "Trace route to destination", NULL, trace_what),
    PRIVILEGED("undebug", "Disable debugging functions (see also 'debug')", NULL, undebug),
    PRIVILEGED("write", "Write running configuration to memory, network, or terminal", write_memory, write),
    ABSENT("clock"),
    ABSENT("connect"),
    ABSENT("delete"),
    ABSENT("dir"),
    ABSENT("disconnect"),
    ABSENT("format"),
    ABSENT("lock"),
    ABSENT("login"),
    ABSENT("more"),
    ABSENT("rlogin"),
    ABSENT("send"),
    ABSENT("setup"),
    ABSENT("ssh"),
    ABSENT("telnet"),
    ABSENT("test"),
    ABSENT("tunnel"),
    ABSENT("vlan"),
    ABSENT("verify"),
    ABSENT("resume"),
    ABSENT("where"),
    END,
};
