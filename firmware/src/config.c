#include "config.h"

#include "cli.h"
#include "interface.h"
#include "log.h"
#include "rip.h"
#include "route.h"

struct config config;

/* So that a line of it, with command and delimiter, is never longer than a command line may be. */
#define BANNER_LINE 200

static char delimiter[3];
static bool banner_open;

void config_reset(void)
{
    config = (struct config){0};
    text_copy(config.hostname, sizeof config.hostname, "Router");
    for (unsigned line = 0; line < ARRAY_SIZE(config.lines); line++)
        config.lines[line].timeout_s = 600;
}

/* ---- banner ---- */

static bool take_until_delimiter(const char *text)
{
    size_t width = strlen(delimiter);
    struct text banner = {.buffer = config.banner, .size = sizeof config.banner, .used = strlen(config.banner)};
    unsigned length = 0;

    for (; *text; text++) {
        if (text_begins(delimiter, width, text)) {
            banner_open = false;
            return true;
        }
        if (*text >= ' ' && length++ < BANNER_LINE)
            text_add(&banner, text, 1);
    }
    while (banner.used &&
           banner.buffer[banner.used - 1] == ' ') /* a command line has none either, where the first line comes from */
        banner.used--;
    text_add(&banner, "\n", 1);
    return false;
}

bool banner_begin(const char *text)
{
    /* The delimiter is one character, or ^C in two as a configuration writes it. */
    unsigned width = text[0] == '^' && text[1] == 'C' ? 2 : 1;

    text_copy(delimiter, width + 1, text);
    config.banner[0] = 0;
    banner_open = true;
    return take_until_delimiter(text + width);
}

bool banner_is_open(void)
{
    return banner_open;
}

bool banner_line(const char *line)
{
    return take_until_delimiter(line);
}

/* ---- writing ---- */

void config_write_interface(struct text *out, const struct interface *interface)
{
    text_print(out, "interface %s\n", interface->name);
    if (interface->description[0])
        text_print(out, " description %s\n", interface->description);
    if (interface->switched) {
        if (interface->access_vlan != 1)
            text_print(out, " switchport access vlan %u\n", interface->access_vlan);
    } else if (interface->access_vlan)
        text_print(out, " switchport access vlan %u\n", interface->access_vlan);
    else if (interface->address)
        text_print(out, " ip address %s %s\n", ip_text(interface->address), ip_text(interface->mask));
    else
        text_print(out, " no ip address\n");
    if (interface->shutdown)
        text_print(out, " shutdown\n");
    if (interface->type == FASTETHERNET && !interface->switched)
        text_print(out, " duplex auto\n speed auto\n");
    text_print(out, "!\n");
}

static void write_rip(struct text *out)
{
    if (!rip.on)
        return;
    text_print(out, "router rip\n");
    if (rip.version_2)
        text_print(out, " version 2\n");
    if (rip.update_s != RIP_UPDATE_S || rip.invalid_s != RIP_INVALID_S || rip.holddown_s != RIP_HOLDDOWN_S ||
        rip.flush_s != RIP_FLUSH_S)
        text_print(out, " timers basic %u %u %u %u\n", rip.update_s, rip.invalid_s, rip.holddown_s, rip.flush_s);
    if (rip.passive_default)
        text_print(out, " passive-interface default\n");
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        if (i->rip_passive)
            text_print(out, " %spassive-interface %s\n", rip.passive_default ? "no " : "", i->name);
    for (unsigned i = 0; i < rip.network_count; i++)
        text_print(out, " network %s\n", ip_text(rip.networks[i]));
    if (rip.default_originate)
        text_print(out, " default-information originate\n");
    text_print(out, " no auto-summary\n!\n");
}

static void write_static_routes(struct text *out)
{
    for (unsigned i = 0; i < MAX_STATIC_ROUTES; i++) {
        const struct static_route *route = &static_routes[i];
        if (!route->used)
            continue;
        text_print(out, "ip route %s %s", ip_text(route->prefix), ip_text(route->mask));
        if (route->by_interface) {
            text_print(out, " %s", interface_type_name(route->by.type));
            if (route->by.type == FASTETHERNET)
                text_print(out, "%u/", route->by.slot);
            text_print(out, "%u", route->by.unit);
        }
        if (route->next_hop)
            text_print(out, " %s", ip_text(route->next_hop));
        if (route->distance != 1)
            text_print(out, " %u", route->distance);
        text_print(out, "\n");
    }
}

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (; *text; text++)
        if (text_begins(part, length, text))
            return true;
    return false;
}

/* Between ^C, as IOS does, unless the text has one. */
static void write_banner(struct text *out)
{
    char mark[3] = "^C";

    if (!config.banner[0])
        return;
    for (char c = '#'; contains(config.banner, mark); c++) {
        mark[0] = c;
        mark[1] = 0;
        if (c == '~')
            return; /* no character is left that could end it */
    }
    text_print(out, "banner motd %s%s%s\n!\n", mark, config.banner, mark);
}

static void write_line(struct text *out, int number)
{
    const struct line_config *line = &config.lines[number];

    static const char *const names[] = {"con 0", "aux 0", "vty 0 4"};

    text_print(out, "line %s\n", names[number]);
    if (line->timeout_set)
        text_print(out, " exec-timeout %u %u\n", line->timeout_s / 60, line->timeout_s % 60);
    if (line->privileged)
        text_print(out, " privilege level 15\n");
    if (line->password[0])
        text_print(out, " password %s%s\n", memcmp(line->password, "0 ", 2) ? "" : "0 ", line->password);
    if (line->synchronous)
        text_print(out, " logging synchronous\n");
    if (line->login)
        text_print(out, " login\n");
}

void config_write(struct text *out)
{
    text_print(out, "!\nversion 12.4\n");
    if (config.timestamps)
        text_print(out, "service timestamps debug datetime msec\nservice timestamps log datetime msec\n");
    text_print(out, "!\nhostname %s\n!\n", config.hostname);
    if (config.enable_secret[0])
        text_print(out, "enable secret 8 %s\n!\n", config.enable_secret);
    if (config.no_domain_lookup)
        text_print(out, "no ip domain lookup\n!\n");
    for (int type = LOOPBACK; type >= FASTETHERNET; type--) /* Loopbacks come first, as in IOS */
        for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
            if ((int)i->type == type)
                config_write_interface(out, i);
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        if (i->type == VLAN)
            config_write_interface(out, i);
    write_rip(out);
    write_static_routes(out);
    text_print(out, "!\n");
    write_banner(out);
    for (int line = 0; line < LINE_COUNT; line++)
        write_line(out, line);
    if (config.vty_seen)
        write_line(out, LINE_COUNT);
    text_print(out, "!\nend\n");
}

/* ---- startup-config ---- */

#define ETX 3 /* how IOS keeps a banner's ^C in NVRAM */

static char file[CONFIG_TEXT_SIZE];

bool config_save_startup(void)
{
    struct text text;

    text_init(&text, file, sizeof file);
    config_write(&text);
    return !text.truncated && nvram_save(file, text.used);
}

static void load_line(struct session *session, struct text *out, const char *line)
{
    size_t before = out->used;
    char complaint[160];

    if (banner_is_open()) {
        banner_line(line);
        return;
    }
    cli_run(session, out, line, 0);
    if (out->used == before)
        return;
    if (line[0] != ' ')
        session->mode = MODE_CONFIG; /* what is indented under a wrong line must not change what came before it */
    /* A complaint: it is useless without its line. */
    text_copy(complaint, sizeof complaint, out->buffer + before);
    out->used = before;
    text_print(out, "%s\n%s", line, complaint);
    log_quietly("%%LAB-4-STARTUP: not understood in startup-config: %.100s", line);
}

void config_load_startup(struct text *out)
{
    static struct session loader;
    char line[4 * INPUT_SIZE]; /* of a banner; commands are cut to INPUT_SIZE */
    size_t size, used = 0;

    size = nvram_load(file, sizeof file);
    if (!size)
        return;
    text_init(&loader.out, loader.out_buffer, OUTPUT_SIZE);
    loader.line = LINE_CONSOLE;
    loader.mode = MODE_CONFIG;
    loader.state = SESSION_EDITING;
    loader.privileged = true;
    loading_startup = true;
    for (size_t i = 0; i <= size && loader.mode != MODE_EXEC; i++) {
        char c = i < size ? file[i] : '\n';
        if (c == '\n') {
            line[used] = 0;
            load_line(&loader, out, line);
            used = 0;
        } else if (c == ETX && used < sizeof line - 2) {
            line[used++] = '^';
            line[used++] = 'C';
        } else if (c >= ' ' && c < 127 && used < sizeof line - 1)
            line[used++] = c;
    }
    banner_open = false;
    loading_startup = false;
    interfaces_changed();
}
