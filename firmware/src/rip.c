#include "rip.h"

#include "arp.h"
#include "ipv4.h"
#include "log.h"
#include "route.h"

#define COMMAND_REQUEST 1
#define COMMAND_RESPONSE 2
#define FAMILY_IPV4 2
#define HEADER 4
#define ENTRY 20
#define ENTRIES_PER_PACKET 25

struct rip_config rip;
struct rip_route rip_routes[MAX_RIP_ROUTES];
bool debug_rip;

static uint32_t next_update_ms;
static bool triggered;         /* something changed; the neighbours are told soon */
static uint32_t trigger_at_ms; /* not before this: 1 to 5 s after the last triggered update */
static uint32_t last_tick_ms;

static struct source {
    uint32_t address;
    uint32_t last_ms;
} sources[16]; /* who sends us updates, for show ip protocols */

static uint32_t random_below(uint32_t limit)
{
    static uint32_t state;

    if (!state)
        state = get32(board.base_mac + 2) ^ 0x9e3779b9u;
    state ^= clock_ms();
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    state += !state;
    return limit ? state % limit : 0;
}

/* So that routers that started together do not update together: up to 15 % earlier. */
static void schedule_update(void)
{
    next_update_ms = clock_ms() + rip.update_s * 1000 - random_below(rip.update_s * 150);
}

static void trigger(void)
{
    if (!triggered) {
        triggered = true;
        if (time_after(clock_ms(), trigger_at_ms))
            trigger_at_ms = clock_ms(); /* nothing was told lately: tell at once */
    }
}

bool rip_is_active_on(const struct interface *interface)
{
    if (!rip.on || !interface_has_address(interface))
        return false;
    for (unsigned i = 0; i < rip.network_count; i++)
        if (!((interface->address ^ rip.networks[i]) & classful_mask(rip.networks[i])))
            return true;
    return false;
}

bool rip_is_passive_on(const struct interface *interface)
{
    return rip.passive_default != interface->rip_passive;
}

static bool may_send_on(const struct interface *interface)
{
    return interface->type != LOOPBACK && rip_is_active_on(interface) && !rip_is_passive_on(interface);
}

/* ---- routes ---- */

static struct rip_route *find(uint32_t prefix, uint32_t mask)
{
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++)
        if (rip_routes[i].used && rip_routes[i].prefix == prefix && rip_routes[i].mask == mask)
            return &rip_routes[i];
    return NULL;
}

static struct rip_route *make(uint32_t prefix, uint32_t mask)
{
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++)
        if (!rip_routes[i].used) {
            rip_routes[i] = (struct rip_route){.used = true, .prefix = prefix, .mask = mask};
            return &rip_routes[i];
        }
    return NULL;
}

static void make_unreachable(struct rip_route *route)
{
    if (route->metric >= RIP_INFINITY)
        return;
    route->old_metric = route->metric;
    route->metric = RIP_INFINITY;
    route->down_ms = clock_ms();
    route->changed = true;
    trigger();
}

/* A network of ours was lost, or left RIP: the neighbours hear so until the flush time. */
static void withdraw(uint32_t prefix, uint32_t mask, struct interface *interface)
{
    struct rip_route *route = find(prefix, mask);

    if (!route)
        route = make(prefix, mask);
    if (!route)
        return;
    *route = (struct rip_route){.used = true, .prefix = prefix, .mask = mask, .metric = 0, .interface = interface};
    route->updated_ms = clock_ms() - rip.invalid_s * 1000;
    make_unreachable(route);
}

static bool is_in_holddown(const struct rip_route *route)
{
    return route->metric >= RIP_INFINITY && clock_ms() - route->down_ms < rip.holddown_s * 1000;
}

void rip_clear_routes(void)
{
    memset(rip_routes, 0, sizeof rip_routes);
    memset(sources, 0, sizeof sources);
}

void rip_start(void)
{
    if (rip.on)
        return;
    rip = (struct rip_config){.on = true,
                              .update_s = RIP_UPDATE_S,
                              .invalid_s = RIP_INVALID_S,
                              .holddown_s = RIP_HOLDDOWN_S,
                              .flush_s = RIP_FLUSH_S};
    rip_clear_routes();
    schedule_update();
}

static void send_routes(struct interface *interface, uint32_t to, uint16_t port, bool only_changed);

void rip_stop(void)
{
    if (!rip.on)
        return;
    for (unsigned i = 0; i < MAX_INTERFACES; i++) /* say good-bye, so that nobody waits for the invalid timer */
        if (interfaces[i].rip_was_active)
            withdraw(interfaces[i].rip_was_address & interfaces[i].rip_was_mask, interfaces[i].rip_was_mask,
                     &interfaces[i]);
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++)
        make_unreachable(&rip_routes[i]);
    rip.default_originate = false;
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (may_send_on(&interfaces[i]))
            send_routes(&interfaces[i], RIP_GROUP, RIP_PORT, true);
    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        interfaces[i].rip_was_active = false;
        interfaces[i].rip_passive = false;
    }
    rip = (struct rip_config){0};
    triggered = false;
    rip_clear_routes();
}

/* ---- sending ---- */

struct packet {
    struct interface *interface;
    uint32_t to;
    uint16_t port;
    unsigned entries;
    uint8_t frame[FRAME_MAX];
};

static void flush(struct packet *packet, uint8_t command)
{
    uint8_t *udp = packet->frame + ETHERNET_HEADER + IPV4_HEADER;
    size_t size = 8 + HEADER + ENTRY * packet->entries;

    if (!packet->entries)
        return;
    put16(udp, RIP_PORT);
    put16(udp + 2, packet->port);
    put16(udp + 4, (uint16_t)size);
    put16(udp + 6, 0);
    udp[8] = command;
    udp[9] = 2;
    put16(udp + 10, 0);
    put16(udp + 6, ipv4_transport_checksum(packet->interface->address, packet->to, PROTOCOL_UDP, udp, size));
    if (!get16(udp + 6))
        put16(udp + 6, 0xffff); /* 0 would mean: no checksum */
    ipv4_send_on(packet->interface, packet->frame, packet->to, PROTOCOL_UDP, packet->to == RIP_GROUP ? 1 : IPV4_TTL,
                 size);
    packet->entries = 0;
}

static void add(struct packet *packet, uint8_t command, uint16_t family, uint32_t prefix, uint32_t mask,
                uint32_t metric, uint16_t tag)
{
    uint8_t *entry = packet->frame + ETHERNET_HEADER + IPV4_HEADER + 8 + HEADER + ENTRY * packet->entries;

    put16(entry, family);
    put16(entry + 2, tag);
    put32(entry + 4, prefix);
    put32(entry + 8, mask);
    put32(entry + 12, 0);
    put32(entry + 16, metric);
    if (debug_rip && command == COMMAND_RESPONSE)
        log_message("RIP:   %s/%u via 0.0.0.0, metric %u, tag %u", ip_text(prefix), mask_length(mask), metric, tag);
    if (++packet->entries == ENTRIES_PER_PACKET)
        flush(packet, command);
}

static void send_request(struct interface *interface)
{
    struct packet packet = {.interface = interface, .to = RIP_GROUP, .port = RIP_PORT};

    if (debug_rip)
        log_message("RIP: sending request on %s to 224.0.0.9", interface->name);
    add(&packet, COMMAND_REQUEST, 0, 0, 0, RIP_INFINITY, 0); /* family 0, metric 16: everything, please */
    flush(&packet, COMMAND_REQUEST);
}

static void send_routes(struct interface *interface, uint32_t to, uint16_t port, bool only_changed)
{
    static struct packet packet;

    packet.interface = interface;
    packet.to = to;
    packet.port = port;
    packet.entries = 0;
    if (debug_rip)
        log_message("RIP: sending v2 %supdate to %s via %s (%s)", only_changed ? "flash " : "", ip_text(to),
                    interface->name, ip_text(interface->address));
    if (rip.default_originate && !only_changed)
        add(&packet, COMMAND_RESPONSE, FAMILY_IPV4, 0, 0, 1, 0);
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i)) {
        uint32_t prefix = i->address & i->mask;
        /* The neighbours are on the interface's own network: they know. */
        if (!only_changed && rip_is_active_on(i) &&
            !(i->mask == interface->mask && prefix == (interface->address & interface->mask)))
            add(&packet, COMMAND_RESPONSE, FAMILY_IPV4, prefix, i->mask, 1, 0);
    }
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++) {
        struct rip_route *route = &rip_routes[i];
        /* Poisoned reverse: what was learned here is told here as unreachable, so that a stale copy never survives. */
        bool reverse = route->interface == interface;
        if (!route->used || (only_changed && !route->changed) ||
            (route->metric < RIP_INFINITY && route_is_overruled(route->prefix, route->mask)) ||
            (rip.default_originate && !route->mask) ||
            (route->mask == interface->mask && route->prefix == (interface->address & interface->mask)))
            continue;
        add(&packet, COMMAND_RESPONSE, FAMILY_IPV4, route->prefix, route->mask,
            reverse || route->metric + 1 > RIP_INFINITY ? RIP_INFINITY : route->metric + 1, route->tag);
    }
    flush(&packet, COMMAND_RESPONSE);
}

static void send_to_all(bool only_changed)
{
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        if (may_send_on(i))
            send_routes(i, RIP_GROUP, RIP_PORT, only_changed);
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++)
        rip_routes[i].changed = false;
    triggered = false;
}

void rip_interfaces_changed(void)
{
    bool news = false;

    if (!rip.on || loading_startup)
        return; /* once, when all of it is read */
    for (unsigned i = 0; i < MAX_INTERFACES; i++) {
        struct interface *one = &interfaces[i];
        bool active = rip_is_active_on(one);
        bool moved =
            one->rip_was_active && active && (one->address != one->rip_was_address || one->mask != one->rip_was_mask);
        if (one->rip_was_active && (!active || moved)) {
            for (unsigned r = 0; r < MAX_RIP_ROUTES; r++)
                if (rip_routes[r].used && rip_routes[r].interface == one)
                    make_unreachable(&rip_routes[r]);
            withdraw(one->rip_was_address & one->rip_was_mask, one->rip_was_mask, one);
        }
        if (active && (!one->rip_was_active || moved)) {
            struct rip_route *same = find(one->address & one->mask, one->mask);
            if (same)
                same->used = false; /* connected now */
            if (may_send_on(one))
                send_request(one);
            news = true;
        }
        one->rip_was_active = active;
        one->rip_was_address = one->address;
        one->rip_was_mask = one->mask;
    }
    if (news && time_after(next_update_ms, clock_ms() + 200))
        next_update_ms = clock_ms() + 200; /* a full update is how a new network of ours is told */
}

void rip_forget_interface(const struct interface *interface)
{
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++)
        if (rip_routes[i].interface == interface) {
            make_unreachable(&rip_routes[i]);
            rip_routes[i].interface = NULL;
        }
}

/* ---- receiving ---- */

static void answer_request(struct interface *interface, uint32_t source, uint16_t port, const uint8_t *data,
                           size_t size)
{
    static struct packet packet;

    if (!may_send_on(interface))
        return;
    if (debug_rip)
        log_message("RIP: received v2 request from %s on %s", ip_text(source), interface->name);
    if (size == HEADER + ENTRY && !get16(data + HEADER) && get32(data + HEADER + 16) == RIP_INFINITY) {
        send_routes(interface, source, port, false);
        return;
    }
    packet.interface = interface;
    packet.to = source;
    packet.port = port;
    packet.entries = 0;
    for (size_t at = HEADER; at + ENTRY <= size; at += ENTRY) {
        uint32_t prefix = get32(data + at + 4), mask = get32(data + at + 8), metric = RIP_INFINITY;
        const struct rip_route *route = find(prefix, mask);
        if (route && route->metric + 1 < RIP_INFINITY)
            metric = route->metric + 1;
        for (unsigned i = 0; i < MAX_INTERFACES; i++)
            if (rip_is_active_on(&interfaces[i]) && interfaces[i].mask == mask &&
                (interfaces[i].address & mask) == prefix)
                metric = 1;
        add(&packet, COMMAND_RESPONSE, FAMILY_IPV4, prefix, mask, metric, 0);
    }
    flush(&packet, COMMAND_RESPONSE);
}

static bool entry_is_sound(uint32_t prefix, uint32_t mask, uint32_t metric)
{
    uint32_t top = prefix >> 24;

    if (!metric || metric > RIP_INFINITY || !mask_is_contiguous(mask) || (prefix & ~mask))
        return false;
    if (!prefix && !mask)
        return true;
    return top != 0 && top != 127 && top < 224;
}

static void take(struct rip_route *route, struct interface *interface, uint32_t source, uint32_t next_hop,
                 uint32_t metric, uint16_t tag)
{
    if (route->metric != metric || route->gateway != source || route->next_hop != next_hop || route->tag != tag) {
        route->changed = true;
        trigger();
    }
    route->interface = interface;
    route->gateway = source;
    route->next_hop = next_hop;
    route->metric = metric;
    route->tag = tag;
    route->updated_ms = clock_ms();
}

static void learn(struct interface *interface, uint32_t source, uint32_t next_hop, uint32_t prefix, uint32_t mask,
                  uint32_t metric, uint16_t tag)
{
    struct rip_route *route;

    for (unsigned i = 0; i < MAX_INTERFACES; i++) /* a connected network is ours to tell of */
        if (rip_is_active_on(&interfaces[i]) && interfaces[i].mask == mask && (interfaces[i].address & mask) == prefix)
            return;
    route = find(prefix, mask);
    if (!route) {
        if (metric >= RIP_INFINITY)
            return;
        route = make(prefix, mask);
        if (!route)
            return;
        route->metric = RIP_INFINITY; /* so that taking it is a change */
        take(route, interface, source, next_hop, metric, tag);
        return;
    }
    if (route->gateway == source && route->interface == interface) {
        if (metric >= RIP_INFINITY) {
            make_unreachable(route);
            return;
        }
        take(route, interface, source, next_hop, metric, tag); /* also out of hold-down: its own gateway has it again */
        return;
    }
    if (metric >= RIP_INFINITY)
        return;
    if (is_in_holddown(route)) {
        if (metric < route->old_metric)
            take(route, interface, source, next_hop, metric, tag);
        return;
    }
    /* Better wins at once; as good wins over a route that was not heard of for half its time (RFC 2453, 3.9.2). */
    if (metric < route->metric || (metric == route->metric && clock_ms() - route->updated_ms > rip.invalid_s * 500))
        take(route, interface, source, next_hop, metric, tag);
}

static void note_source(uint32_t address)
{
    struct source *place = &sources[0];

    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
        if (sources[i].address == address) {
            place = &sources[i];
            break;
        }
        if (place->address && (!sources[i].address || time_after(place->last_ms, sources[i].last_ms)))
            place = &sources[i];
    }
    place->address = address;
    place->last_ms = clock_ms();
}

void rip_receive(struct interface *interface, uint32_t source, uint16_t source_port, const uint8_t *data, size_t size)
{
    if (size < HEADER || !rip_is_active_on(interface) || address_is_ours(source))
        return;
    if (data[1] != 2) {
        if (debug_rip)
            log_message("RIP: ignored v%u packet from %s (illegal version)", data[1], ip_text(source));
        return;
    }
    if (data[0] == COMMAND_REQUEST) {
        answer_request(interface, source, source_port, data, size);
        return;
    }
    if (data[0] != COMMAND_RESPONSE || source_port != RIP_PORT)
        return;
    if ((source ^ interface->address) & interface->mask) {
        if (debug_rip)
            log_message("RIP: ignored v2 update from bad source %s on %s", ip_text(source), interface->name);
        return;
    }
    note_source(source);
    if (debug_rip)
        log_message("RIP: received v2 update from %s on %s", ip_text(source), interface->name);
    for (size_t at = HEADER; at + ENTRY <= size; at += ENTRY) {
        const uint8_t *entry = data + at;
        uint32_t prefix = get32(entry + 4), mask = get32(entry + 8), next_hop = get32(entry + 12),
                 metric = get32(entry + 16);
        if (get16(entry) != FAMILY_IPV4 || !entry_is_sound(prefix, mask, metric))
            continue;
        if (debug_rip)
            log_message("RIP:   %s/%u via %s in %u hops%s", ip_text(prefix), mask_length(mask), ip_text(next_hop),
                        metric, metric >= RIP_INFINITY ? " (inaccessible)" : "");
        if (!next_hop || ((next_hop ^ interface->address) & interface->mask) || address_is_ours(next_hop) ||
            interface_is_broadcast(interface, next_hop))
            next_hop = source;
        learn(interface, source, next_hop, prefix, mask, metric, get16(entry + 2));
    }
}

/* ---- time ---- */

void rip_tick(void)
{
    uint32_t now = clock_ms();

    if (!rip.on || now - last_tick_ms < 50)
        return;
    last_tick_ms = now;
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++) {
        struct rip_route *route = &rip_routes[i];
        if (!route->used)
            continue;
        if (now - route->updated_ms >= rip.flush_s * 1000)
            route->used = false;
        else if (route->metric < RIP_INFINITY && now - route->updated_ms >= rip.invalid_s * 1000)
            make_unreachable(route);
    }
    if (!time_after(next_update_ms, now)) {
        schedule_update();
        send_to_all(false);
        if (time_after(now, trigger_at_ms))
            trigger_at_ms = now; /* never so old that it seems to lie ahead */
    } else if (triggered && !time_after(trigger_at_ms, now)) {
        send_to_all(true);
        trigger_at_ms = now + 1000 + random_below(4000);
    }
}

/* ---- show ---- */

void rip_show_database(struct text *out)
{
    static struct row {
        uint32_t prefix, mask;
        const struct interface *connected;
        const struct rip_route *route;
    } rows[MAX_RIP_ROUTES + MAX_INTERFACES];
    unsigned count = 0;
    uint32_t major = 0;
    bool any_major = false;

    for (unsigned i = 0; i < MAX_INTERFACES + MAX_RIP_ROUTES; i++) {
        struct row row = {0};
        unsigned at;
        if (i < MAX_INTERFACES) {
            if (!rip_is_active_on(&interfaces[i]))
                continue;
            row = (struct row){interfaces[i].address & interfaces[i].mask, interfaces[i].mask, &interfaces[i], NULL};
        } else {
            const struct rip_route *route = &rip_routes[i - MAX_INTERFACES];
            if (!route->used || !route->interface)
                continue;
            row = (struct row){route->prefix, route->mask, NULL, route};
        }
        for (at = count++; at && (rows[at - 1].prefix > row.prefix ||
                                  (rows[at - 1].prefix == row.prefix && rows[at - 1].mask > row.mask));
             at--)
            rows[at] = rows[at - 1];
        rows[at] = row;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        uint32_t class_mask = classful_mask(row->prefix);
        if (class_mask && (!any_major || (row->prefix & class_mask) != major)) {
            major = row->prefix & class_mask;
            any_major = true;
            text_print(out, "%s/%u    auto-summary\n", ip_text(major), mask_length(class_mask));
        }
        text_print(out, "%s/%u", ip_text(row->prefix), mask_length(row->mask));
        if (row->connected)
            text_print(out, "    directly connected, %s\n", row->connected->name);
        else if (row->route->metric >= RIP_INFINITY)
            text_print(out, " is possibly down\n");
        else
            text_print(out, "\n    [%u] via %s, %s, %s\n", row->route->metric, ip_text(row->route->next_hop),
                       age_text((clock_ms() - row->route->updated_ms) / 1000), row->route->interface->name);
    }
    if (rip.default_originate)
        text_print(out, "0.0.0.0/0    redistributed\n    [1] via 0.0.0.0, \n");
}

void rip_show_protocol(struct text *out)
{
    uint32_t now = clock_ms();
    bool passive = false;

    text_print(out, "Routing Protocol is \"rip\"\n  Outgoing update filter list for all interfaces is not set\n"
                    "  Incoming update filter list for all interfaces is not set\n");
    text_print(out, "  Sending updates every %u seconds, next due in %u seconds\n", rip.update_s,
               time_after(next_update_ms, now) ? (next_update_ms - now) / 1000 : 0);
    text_print(out, "  Invalid after %u seconds, hold down %u, flushed after %u\n  Redistributing: rip\n",
               rip.invalid_s, rip.holddown_s, rip.flush_s);
    text_print(out, "  Default version control: send version 2, receive version 2\n"
                    "    Interface             Send  Recv  Triggered RIP  Key-chain\n");
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        if (may_send_on(i))
            text_print(out, "    %-22s2     2                                    \n", i->name);
    text_print(out, "  Automatic network summarization is not in effect\n  Maximum path: 1\n  Routing for Networks:\n");
    for (unsigned i = 0; i < rip.network_count; i++)
        text_print(out, "    %s\n", ip_text(rip.networks[i]));
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i)) {
        if (!rip_is_passive_on(i) || !(rip_is_active_on(i) || i->rip_passive))
            continue;
        if (!passive)
            text_print(out, "  Passive Interface(s):\n");
        passive = true;
        text_print(out, "    %s\n", i->name);
    }
    text_print(out, "  Routing Information Sources:\n    Gateway         Distance      Last Update\n");
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
        if (sources[i].address)
            text_print(out, "    %-16s     %u      %s\n", ip_text(sources[i].address), (unsigned)RIP_DISTANCE,
                       age_text((now - sources[i].last_ms) / 1000));
    text_print(out, "  Distance: (default is %u)\n\n", (unsigned)RIP_DISTANCE);
}
