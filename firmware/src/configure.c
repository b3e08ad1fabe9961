/* Commands of configuration modes. */
#include "arp.h"
#include "cli.h"
#include "config.h"
#include "log.h"
#include "rip.h"
#include "route.h"

typedef struct cli_arguments args;

/* ---- global ---- */

static void set_hostname(args *a)
{
    if (a->no) {
        text_copy(config.hostname, sizeof config.hostname, "Router");
        return;
    }
    if (!is_letter(a->values[0].text[0])) {
        text_print(a->out, "%% Hostname must begin with a letter\n");
        return;
    }
    text_copy(config.hostname, sizeof config.hostname, a->values[0].text);
}

static void set_enable_secret(args *a)
{
    const char *secret = a->count ? a->values[a->count - 1].text : "";
    uint8_t random[14];
    struct sha256 hash;
    uint8_t digest[SHA256_SIZE];
    static uint32_t uses;

    if (a->no) {
        config.enable_secret[0] = 0;
        return;
    }
    if (a->count == 2 && a->values[0].number != 0) {
        if (a->values[0].number != 8)
            text_print(a->out, "%% Not in this lab router: secrets of type %u (type 0 or 8 are)\n",
                       a->values[0].number);
        else if (!secret_is_hash(secret))
            text_print(a->out, "ERROR: The secret you entered is not a valid encrypted secret.\n");
        else
            text_copy(config.enable_secret, sizeof config.enable_secret, secret);
        return;
    }
    /* The salt has to differ, not to be secret: what differs between routers and moments is mixed. */
    sha256_init(&hash);
    sha256_add(&hash, board.base_mac, 6);
    sha256_add(&hash, &(uint32_t){clock_ms()}, 4);
    sha256_add(&hash, &uses, sizeof uses);
    sha256_add(&hash, interfaces, sizeof interfaces);
    sha256_end(&hash, digest);
    uses++;
    memcpy(random, digest, sizeof random);
    secret_hash(secret, random, config.enable_secret);
}

static void set_banner(args *a)
{
    if (a->no) {
        config.banner[0] = 0;
        return;
    }
    if (!banner_begin(a->values[0].text) && !loading_startup)
        session_read_banner(a->session);
}

static void enter_interface(args *a)
{
    struct interface_name *name = &a->values[0].interface;
    struct interface *interface = interface_find(name->type, name->slot, name->unit);

    if (a->no) {
        if (!interface || interface->type == FASTETHERNET || interface->type == NULL_INTERFACE) {
            a->wrong = 0;
            return;
        }
        for (int line = 0; line < LINE_COUNT; line++)
            if (sessions[line].interface == interface) {
                sessions[line].interface = NULL;
                if (sessions[line].mode == MODE_INTERFACE)
                    sessions[line].mode = MODE_CONFIG;
            }
        interface_remove(interface);
        return;
    }
    if (name->type == NULL_INTERFACE) {
        text_print(a->out, "%% Not in this lab router\n");
        return;
    }
    if (!interface) {
        interface = interface_make(name->type, name->unit);
        if (!interface) {
            text_print(a->out, "%% No room for another interface\n");
            return;
        }
    }
    /* An interface that startup-config names is up unless it says `shutdown`: NVRAM keeps no `no shutdown`. */
    if (loading_startup)
        interface->shutdown = false;
    a->session->interface = interface;
    a->session->mode = MODE_INTERFACE;
    interfaces_changed();
}

static void set_route(args *a)
{
    struct static_route route = {
        .used = true, .prefix = a->values[0].number, .mask = a->values[1].number, .distance = 1};

    if (route.prefix & ~route.mask) {
        text_print(a->out, "%%Inconsistent address and mask\n");
        return;
    }
    for (unsigned i = 2; i < a->count; i++) {
        const struct cli_value *value = &a->values[i];
        if (value->kind == CLI_INTERFACE) {
            route.by_interface = true;
            route.by = value->interface;
        } else if (value->kind == CLI_ADDRESS)
            route.next_hop = value->number;
        else
            route.distance = (uint8_t)value->number;
    }
    if (a->no) {
        if (!static_route_remove(&route))
            text_print(a->out, "%%No matching route to delete\n");
        return;
    }
    if (!route.by_interface && (!route.next_hop || address_is_ours(route.next_hop))) {
        text_print(a->out, "%%Invalid next hop address (it's this router)\n");
        return;
    }
    if (!static_route_add(&route))
        text_print(a->out, "%% No room for another static route\n");
}

static void enter_rip(args *a)
{
    if (a->no) {
        rip_stop();
        return;
    }
    rip_start();
    a->session->mode = MODE_ROUTER;
}

static void enter_line(args *a)
{
    a->session->configured_line = (int)a->values[0].number - 1;
    config.vty_seen |= a->session->configured_line == LINE_COUNT;
    if (a->session->configured_line == LINE_COUNT && !loading_startup)
        text_print(a->out, "%% Not in this lab router: telnet or SSH to it. The lines are kept in the configuration\n");
    a->session->mode = MODE_LINE;
}

static void leave(args *a)
{
    a->session->mode = MODE_EXEC;
    if (!loading_startup)
        log_message("%%SYS-5-CONFIG_I: Configured from console by %s",
                    a->session->line == LINE_CONSOLE ? "console" : "aux0");
}

static void up_one(args *a)
{
    if (a->session->mode == MODE_CONFIG)
        leave(a);
    else
        a->session->mode = MODE_CONFIG;
}

static void set_domain_lookup(args *a)
{
    config.no_domain_lookup = a->no;
}

static void set_timestamps(args *a)
{
    config.timestamps = !a->no;
}

/* Lines that every IOS configuration has, that say what is so here anyway. */
static void accept(args *a)
{
    (void)a;
}

static const struct cli_node accept_rest[] = {
    {CLI_LINE, "LINE", "", accept, NULL, 0, 0, 0, 0},
    {0},
};

#define ACCEPTED(word)                                                                                                 \
    {                                                                                                                  \
        CLI_KEYWORD, word, "", accept, accept_rest, CLI_HIDDEN, 0, 0, 0                                                \
    }

/* The same of which only the "no" is so here. */
#define ACCEPTED_NO(word, next)                                                                                        \
    {                                                                                                                  \
        CLI_KEYWORD, word, "", accept, next, CLI_HIDDEN | CLI_ONLY_NO, 0, 0, 0                                         \
    }

static const struct cli_node hostname_word[] = {WORD("WORD", "This system's network name", set_hostname, NULL), END};

static const struct cli_node secret_text[] = {LINE("The UNENCRYPTED (cleartext) 'enable' secret", set_enable_secret),
                                              END};
static const struct cli_node secret_hashed[] = {
    WORD("LINE", "The ENCRYPTED 'enable' secret string", set_enable_secret, NULL), END};
static const struct cli_node secret[] = {
    NUMBER("0", "Specifies an UNENCRYPTED password will follow", NULL, secret_text, 0, 0),
    NUMBER("8", "Specifies a PBKDF2-SHA256 HASHED secret will follow", NULL, secret_hashed, 1, 9),
    LINE("The UNENCRYPTED (cleartext) 'enable' secret", set_enable_secret),
    END,
};
static const struct cli_node enable[] = {
    KEY_NO("secret", "Assign the privileged level secret", set_enable_secret, secret),
    ABSENT("password"),
    END,
};

static const struct cli_node banner_text[] = {LINE("c banner-text c, where 'c' is a delimiting character", set_banner),
                                              END};
static const struct cli_node banner[] = {KEY_NO("motd", "Set Message of the Day banner", set_banner, banner_text),
                                         ABSENT("login"), ABSENT("exec"), ABSENT("incoming"), END};

static const struct cli_node interface_name[] = {INTERFACE(enter_interface, NULL, CLI_NEW), ABSENT("range"), END};

static const struct cli_node route_distance[] = {
    NUMBER("<1-255>", "Distance metric for this route", set_route, NULL, 1, 255), END};
static const struct cli_node route_after_interface[] = {
    ADDRESS("Forwarding router's address", set_route, route_distance),
    NUMBER("<1-255>", "Distance metric for this route", set_route, NULL, 1, 255),
    END,
};
static const struct cli_node route_by[] = {
    ADDRESS("Forwarding router's address", set_route, route_distance),
    INTERFACE(set_route, route_after_interface, CLI_NEW),
    END,
};
static const struct cli_node route_mask[] = {
    {CLI_MASK, "A.B.C.D", "Destination prefix mask", set_route, route_by, CLI_NO_ENDS, 0, 0, 0}, END};
static const struct cli_node route_prefix[] = {ADDRESS("Destination prefix", NULL, route_mask), END};
static const struct cli_node domain[] = {
    KEY("lookup", "Enable IP Domain Name System hostname translation", set_domain_lookup, NULL), ABSENT("name"), END};
static const struct cli_node config_ip[] = {
    KEY("domain", "IP DNS Resolver", NULL, domain),
    {CLI_KEYWORD, "domain-lookup", "Enable IP Domain Name System hostname translation", set_domain_lookup, NULL,
     CLI_HIDDEN, 0, 0, 0},
    KEY("route", "Establish static routes", NULL, route_prefix),
    ACCEPTED("cef"),
    ACCEPTED("classless"),
    ACCEPTED("subnet-zero"),
    ACCEPTED("forward-protocol"),
    ACCEPTED("routing"),
    ACCEPTED_NO("http", accept_rest),
    ACCEPTED_NO("icmp", accept_rest),
    ACCEPTED_NO("source-route", accept_rest),
    ACCEPTED_NO("bootp", accept_rest),
    ACCEPTED("tcp"),
    ACCEPTED("auth-proxy"),
    ACCEPTED("admission"),
    ABSENT("access-list"),
    ABSENT("dhcp"),
    ABSENT("nat"),
    ABSENT("ssh"),
    ABSENT("http"),
    ABSENT("name-server"),
    ABSENT("host"),
    ABSENT("domain-name"),
    ABSENT("default-gateway"),
    ABSENT("default-network"),
    ABSENT("multicast-routing"),
    ABSENT("prefix-list"),
    END,
};

static const struct cli_node router[] = {KEY("rip", "Routing Information Protocol (RIP)", enter_rip, NULL),
                                         ABSENT("ospf"),
                                         ABSENT("eigrp"),
                                         ABSENT("bgp"),
                                         ABSENT("isis"),
                                         ABSENT("odr"),
                                         END};

static const struct cli_node line_zero[] = {NUMBER("<0-0>", "First Line number", enter_line, NULL, 0, 0), END};
static const struct cli_node vty_last[] = {NUMBER("<1-15>", "Last Line number", enter_line, NULL, 1, 15), END};
static const struct cli_node vty_first[] = {NUMBER("<0-15>", "First Line number", enter_line, vty_last, 0, 15), END};
static const struct cli_node lines[] = {
    TAGGED("aux", "Auxiliary line", NULL, line_zero, 2), TAGGED("console", "Primary terminal line", NULL, line_zero, 1),
    TAGGED("vty", "Virtual terminal (kept, but there is no telnet)", NULL, vty_first, 3), ABSENT("tty"), END};

static const struct cli_node timestamps[] = {
    KEY("timestamps", "Timestamp debug/log messages", set_timestamps, accept_rest),
    ACCEPTED_NO("password-encryption", NULL),
    ABSENT("password-encryption"),
    ABSENT("dhcp"),
    ABSENT("tcp-keepalives-in"),
    ABSENT("pad"),
    END};

const struct cli_node config_commands[] = {
    KEY("banner", "Define a login banner", NULL, banner),
    KEY("enable", "Modify enable password parameters", NULL, enable),
    KEY("end", "Exit from configure mode", leave, NULL),
    KEY("exit", "Exit from configure mode", up_one, NULL),
    KEY_NO("hostname", "Set system's network name", set_hostname, hostname_word),
    KEY("interface", "Select an interface to configure", NULL, interface_name),
    KEY("ip", "Global IP configuration subcommands", NULL, config_ip),
    KEY("line", "Configure a terminal line", NULL, lines),
    KEY("router", "Enable a routing process", NULL, router),
    KEY("service", "Modify use of network based services", NULL, timestamps),
    ACCEPTED("version"),
    ACCEPTED("boot-start-marker"),
    ACCEPTED("boot-end-marker"),
    ACCEPTED("memory-size"),
    ACCEPTED("control-plane"),
    ACCEPTED("multilink"),
    ACCEPTED("vlan"),
    ACCEPTED_NO("aaa", accept_rest),
    ACCEPTED_NO("cdp", accept_rest),
    ABSENT("aaa"),
    ABSENT("access-list"),
    ABSENT("alias"),
    ABSENT("arp"),
    ABSENT("boot"),
    ABSENT("bridge"),
    ABSENT("cdp"),
    ABSENT("class-map"),
    ABSENT("clock"),
    ABSENT("config-register"),
    ABSENT("crypto"),
    ABSENT("dot1x"),
    ABSENT("frame-relay"),
    ABSENT("ipv6"),
    ABSENT("key"),
    ABSENT("logging"),
    ABSENT("mac-address-table"),
    ABSENT("monitor"),
    ABSENT("mpls"),
    ABSENT("ntp"),
    ABSENT("policy-map"),
    ABSENT("privilege"),
    ABSENT("route-map"),
    ABSENT("security"),
    ABSENT("snmp-server"),
    ABSENT("spanning-tree"),
    ABSENT("standby"),
    ABSENT("track"),
    ABSENT("username"),
    ABSENT("vtp"),
    ABSENT("voice"),
    END,
};

/* ---- interface ---- */

static void set_description(args *a)
{
    struct interface *interface = a->session->interface;

    text_copy(interface->description, sizeof interface->description, a->no ? "" : a->values[0].text);
}

static void set_shutdown(args *a)
{
    a->session->interface->shutdown = !a->no;
    interfaces_changed();
}

/* A host's address in its network: not the network itself, nor its broadcast. */
static bool is_host_address(uint32_t address, uint32_t mask)
{
    if (address >> 24 == 0 || address >> 24 == 127 || address >> 29 == 7 || !mask)
        return false;
    return mask >= 0xfffffffe || ((address & ~mask) && (address | mask) != 0xffffffff);
}

static void set_address(args *a)
{
    struct interface *interface = a->session->interface;
    uint32_t address, mask;

    if (interface->access_vlan) {
        text_print(a->out, "%% IP addresses may not be configured on L2 links.\n");
        return;
    }
    if (a->no) {
        if (a->count && a->values[0].number != interface->address) {
            text_print(a->out, "%% Invalid address\n");
            return;
        }
        interface->address = interface->mask = 0;
        interface->origin = loading_startup ? ADDRESS_NVRAM : ADDRESS_MANUAL;
        interfaces_changed();
        return;
    }
    address = a->values[0].number;
    mask = a->values[1].number;
    if (!is_host_address(address, mask)) {
        if (!mask || address >> 29 == 7 || address >> 24 == 127 || address >> 24 == 0)
            text_print(a->out, "Not a valid host address - %s\n", ip_text(address));
        else
            text_print(a->out, "Bad mask /%u for address %s\n", mask_length(mask), ip_text(address));
        return;
    }
    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        const struct interface *other = &interfaces[i];
        if (other != interface && other->used && other->address &&
            !((other->address ^ address) & (other->mask < mask ? other->mask : mask))) {
            text_print(a->out, "%% %s overlaps with %s\n", ip_text(address & mask), other->name);
            return;
        }
    }
    interface->address = address;
    interface->mask = mask;
    interface->origin = loading_startup ? ADDRESS_NVRAM : ADDRESS_MANUAL;
    interfaces_changed();
    arp_announce(interface);
}

static void set_access_vlan(args *a)
{
    struct interface *port = a->session->interface;
    uint32_t vlan = a->no ? port->switched : a->values[0].number;

    if (port->type != FASTETHERNET || !port->slot) {
        text_print(a->out, "%% Not in this lab router: only a FastEthernet of a network module can carry a Vlan\n");
        return;
    }
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (vlan && &interfaces[i] != port && interfaces[i].used && interfaces[i].access_vlan == vlan &&
            !(port->switched && interfaces[i].switched)) {
            text_print(a->out,
                       "%% Not in this lab router: Vlan%u leaves by %s already, and there is no switch between them\n",
                       vlan, interfaces[i].name);
            return;
        }
    if (vlan) {
        port->address = port->mask = 0;
        if (!loading_startup && !port->switched && !interface_find(VLAN, 0, vlan))
            text_print(a->out, "%% Access VLAN does not exist. Give Vlan%u an address to use it\n", vlan);
    }
    port->access_vlan = vlan;
    interfaces_changed();
}

static const struct cli_node after_address[] = {ABSENT("secondary"), END};
static const struct cli_node interface_mask[] = {MASK("IP subnet mask", set_address, after_address), END};
static const struct cli_node interface_address[] = {
    {CLI_ADDRESS, "A.B.C.D", "IP address", NULL, interface_mask, 0, 0, 0, 0}, ABSENT("dhcp"), END};
static const struct cli_node interface_ip[] = {
    KEY_NO("address", "Set the IP address of an interface", set_address, interface_address),
    ACCEPTED_NO("proxy-arp", NULL),
    ACCEPTED_NO("directed-broadcast", NULL),
    ABSENT("access-group"),
    ABSENT("helper-address"),
    ABSENT("mtu"),
    ABSENT("nat"),
    ABSENT("ospf"),
    ABSENT("proxy-arp"),
    ABSENT("rip"),
    ABSENT("split-horizon"),
    ABSENT("summary-address"),
    ABSENT("unnumbered"),
    ABSENT("policy"),
    END};
static const struct cli_node description[] = {LINE("Up to 80 characters describing this interface", set_description),
                                              END};
static const struct cli_node access_vlan_number[] = {
    NUMBER("<1-4094>", "VLAN ID of the VLAN when this port is in access mode", set_access_vlan, NULL, 1, 4094), END};
static const struct cli_node access_vlan[] = {
    KEY_NO("vlan", "Set VLAN when interface is in access mode", set_access_vlan, access_vlan_number), END};
static const struct cli_node switchport_mode[] = {
    KEY("access", "Set trunking mode to ACCESS unconditionally", accept, NULL), ABSENT("trunk"), ABSENT("dynamic"),
    END};
static const struct cli_node switchport[] = {
    KEY("access", "Set access mode characteristics of the interface", NULL, access_vlan),
    KEY("mode", "Set trunking mode of the interface", NULL, switchport_mode), ABSENT("trunk"), END};

const struct cli_node interface_commands[] = {
    KEY_NO("description", "Interface specific description", set_description, description),
    KEY("exit", "Exit from interface configuration mode", up_one, NULL),
    KEY("ip", "Interface Internet Protocol config commands", NULL, interface_ip),
    KEY("shutdown", "Shutdown the selected interface", set_shutdown, NULL),
    KEY("switchport", "Carry a Vlan interface's traffic", NULL, switchport),
    ACCEPTED("duplex"),
    ACCEPTED("speed"),
    ACCEPTED("keepalive"),
    ACCEPTED("bandwidth"),
    ACCEPTED("load-interval"),
    ACCEPTED_NO("mop", accept_rest),
    ABSENT("arp"),
    ABSENT("bridge-group"),
    ABSENT("cdp"),
    ABSENT("clock"),
    ABSENT("crypto"),
    ABSENT("delay"),
    ABSENT("encapsulation"),
    ABSENT("ipv6"),
    ABSENT("mac-address"),
    ABSENT("mop"),
    ABSENT("mtu"),
    ABSENT("service-policy"),
    ABSENT("spanning-tree"),
    ABSENT("standby"),
    END,
};

/* ---- router rip ---- */

static void set_network(args *a)
{
    uint32_t network = a->values[0].number & classful_mask(a->values[0].number);

    if (!classful_mask(a->values[0].number)) {
        a->wrong = 0;
        return;
    }
    for (unsigned i = 0; i < rip.network_count; i++)
        if (rip.networks[i] == network) {
            if (a->no) {
                rip.network_count--;
                memmove(&rip.networks[i], &rip.networks[i + 1], (rip.network_count - i) * sizeof rip.networks[0]);
                rip_interfaces_changed();
            }
            return;
        }
    if (a->no)
        return;
    if (rip.network_count == MAX_RIP_NETWORKS) {
        text_print(a->out, "%% No room for another network\n");
        return;
    }
    rip.networks[rip.network_count++] = network;
    rip_interfaces_changed();
}

static void set_passive(args *a)
{
    const struct interface_name *name = &a->values[0].interface;
    struct interface *interface = interface_find(name->type, name->slot, name->unit);

    if (interface)
        interface->rip_passive = a->no == rip.passive_default;
}

static void set_passive_default(args *a)
{
    rip.passive_default = !a->no;
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        interfaces[i].rip_passive = false;
}

static void set_timers(args *a)
{
    if (a->no) {
        rip.update_s = RIP_UPDATE_S;
        rip.invalid_s = RIP_INVALID_S;
        rip.holddown_s = RIP_HOLDDOWN_S;
        rip.flush_s = RIP_FLUSH_S;
        return;
    }
    if (a->values[3].number < a->values[1].number || a->values[1].number < a->values[0].number) {
        text_print(a->out, "%% Invalid timers: update <= invalid <= flush\n");
        return;
    }
    rip.update_s = a->values[0].number;
    rip.invalid_s = a->values[1].number;
    rip.holddown_s = a->values[2].number;
    rip.flush_s = a->values[3].number;
    rip_interfaces_changed();
}

static void set_version(args *a)
{
    if (!a->no && a->values[0].number == 1)
        text_print(a->out, "%% Not in this lab router: RIP version 1\n");
    else
        rip.version_2 = !a->no;
}

static void set_default_originate(args *a)
{
    rip.default_originate = !a->no;
}

#define SECONDS 1000000
static const struct cli_node timer_flush[] = {NUMBER("<1-1000000>", "Flush", set_timers, NULL, 1, SECONDS), END};
static const struct cli_node timer_holddown[] = {NUMBER("<0-1000000>", "Holddown", NULL, timer_flush, 0, SECONDS), END};
static const struct cli_node timer_invalid[] = {NUMBER("<1-1000000>", "Invalid", NULL, timer_holddown, 1, SECONDS),
                                                END};
static const struct cli_node timer_update[] = {
    NUMBER("<1-1000000>", "Interval between updates", NULL, timer_invalid, 1, SECONDS), END};
static const struct cli_node timers[] = {
    KEY_NO("basic", "Basic routing protocol update timers", set_timers, timer_update), END};
static const struct cli_node rip_network[] = {ADDRESS("Network number", set_network, NULL), END};
static const struct cli_node passive[] = {
    KEY("default", "Suppress routing updates on all interfaces", set_passive_default, NULL),
    INTERFACE(set_passive, NULL, 0), END};
static const struct cli_node rip_version[] = {NUMBER("<1-2>", "version", set_version, NULL, 1, 2), END};
static const struct cli_node default_information[] = {
    KEY("originate", "Distribute a default route", set_default_originate, NULL), END};

const struct cli_node router_commands[] = {
    {CLI_KEYWORD, "auto-summary", "Enable automatic network number summarization", accept, NULL, CLI_ONLY_NO, 0, 0, 0},
    KEY("default-information", "Control distribution of default information", NULL, default_information),
    KEY("exit", "Exit from routing protocol configuration mode", up_one, NULL),
    KEY("network", "Enable routing on an IP network", NULL, rip_network),
    KEY("passive-interface", "Suppress routing updates on an interface", NULL, passive),
    KEY("timers", "Adjust routing timers", NULL, timers),
    KEY_NO("version", "Set routing protocol version", set_version, rip_version),
    ABSENT("auto-summary"),
    ABSENT("default-metric"),
    ABSENT("distance"),
    ABSENT("distribute-list"),
    ABSENT("flash-update-threshold"),
    ABSENT("maximum-paths"),
    ABSENT("neighbor"),
    ABSENT("offset-list"),
    ABSENT("redistribute"),
    ABSENT("traffic-share"),
    ABSENT("validate-update-source"),
    ABSENT("address-family"),
    ABSENT("output-delay"),
    END,
};

/* ---- line ---- */

static struct line_config *this_line(args *a)
{
    return &config.lines[a->session->configured_line];
}

static void set_password(args *a)
{
    text_copy(this_line(a)->password, sizeof this_line(a)->password, a->no ? "" : a->values[a->count - 1].text);
}

static void set_login(args *a)
{
    this_line(a)->login = !a->no;
    if (!a->no && !this_line(a)->password[0] && !loading_startup)
        text_print(a->out, "%% Login disabled on line %u, until 'password' is set\n",
                   (unsigned)a->session->configured_line);
}

static void set_exec_timeout(args *a)
{
    struct line_config *line = this_line(a);

    line->timeout_set = !a->no;
    line->timeout_s = a->no ? 600 : a->values[0].number * 60 + (a->count > 1 ? a->values[1].number : 0);
}

static void set_privilege(args *a)
{
    if (!a->no && a->values[0].number != 1 && a->values[0].number != 15)
        text_print(a->out, "%% Not in this lab router: privilege levels other than 1 and 15\n");
    else
        this_line(a)->privileged = !a->no && a->values[0].number == 15;
}

static void set_synchronous(args *a)
{
    this_line(a)->synchronous = !a->no;
}

static const struct cli_node password_text[] = {LINE("The UNENCRYPTED (cleartext) line password", set_password), END};
static const struct cli_node password[] = {
    NUMBER("0", "Specifies an UNENCRYPTED password will follow", NULL, password_text, 0, 0),
    LINE("The UNENCRYPTED (cleartext) line password", set_password), END};
static const struct cli_node timeout_seconds[] = {
    NUMBER("<0-2147483>", "Timeout in seconds", set_exec_timeout, NULL, 0, 59), END};
static const struct cli_node timeout_minutes[] = {
    NUMBER("<0-35791>", "Timeout in minutes", set_exec_timeout, timeout_seconds, 0, 35791), END};
static const struct cli_node privilege_level[] = {
    NUMBER("<0-15>", "Default privilege level for line", set_privilege, NULL, 0, 15), END};
static const struct cli_node privilege[] = {
    KEY_NO("level", "Assign default privilege level for line", set_privilege, privilege_level), END};
static const struct cli_node line_logging[] = {KEY("synchronous", "Synchronized message output", set_synchronous, NULL),
                                               END};
static const struct cli_node login[] = {ABSENT("local"), ABSENT("authentication"), END};

const struct cli_node line_commands[] = {
    KEY_NO("exec-timeout", "Set the EXEC timeout", set_exec_timeout, timeout_minutes),
    KEY("exit", "Exit from line configuration mode", up_one, NULL),
    KEY("logging", "Modify message logging facilities", NULL, line_logging),
    KEY("login", "Enable password checking", set_login, login),
    KEY_NO("password", "Set a password", set_password, password),
    KEY("privilege", "Change privilege level for line", NULL, privilege),
    ACCEPTED("stopbits"),
    ACCEPTED("speed"),
    ACCEPTED("flowcontrol"),
    ACCEPTED("length"),
    ACCEPTED("history"),
    ACCEPTED("transport"),
    ABSENT("access-class"),
    ABSENT("modem"),
    ABSENT("autocommand"),
    ABSENT("session-timeout"),
    ABSENT("width"),
    END,
};
