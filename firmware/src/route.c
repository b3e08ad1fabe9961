#include "route.h"

#include "rip.h"

#define DEPTH 4 /* of static routes whose next hop is reached by another route */

struct static_route static_routes[MAX_STATIC_ROUTES];

static struct interface null0;

static struct interface *null_interface(void)
{
    null0.used = true;
    null0.type = NULL_INTERFACE;
    text_copy(null0.name, sizeof null0.name, "Null0");
    return &null0;
}

struct candidate {
    uint32_t mask;
    unsigned distance;
    struct next_hop hop;
    bool found;
};

static bool better(const struct candidate *best, uint32_t mask, unsigned distance)
{
    return !best->found || mask > best->mask || (mask == best->mask && distance < best->distance);
}

static void take(struct candidate *best, uint32_t mask, unsigned distance, struct interface *interface,
                 uint32_t address)
{
    best->found = true;
    best->mask = mask;
    best->distance = distance;
    best->hop.interface = interface;
    best->hop.address = address;
}

static bool lookup(uint32_t destination, struct next_hop *hop, unsigned depth, const struct static_route *not_by);

/* Where a static route sends a packet for `destination`; false while it is not usable. */
static bool static_hop(const struct static_route *route, uint32_t destination, struct next_hop *hop, unsigned depth)
{
    if (route->by_interface) {
        hop->interface = route->by.type == NULL_INTERFACE
                             ? null_interface()
                             : interface_find(route->by.type, route->by.slot, route->by.unit);
        hop->address = route->next_hop ? route->next_hop : destination;
        return hop->interface && (hop->interface == &null0 || interface_has_address(hop->interface));
    }
    return lookup(route->next_hop, hop, depth + 1, route) && !address_is_ours(route->next_hop);
}

static bool lookup(uint32_t destination, struct next_hop *hop, unsigned depth, const struct static_route *not_by)
{
    struct candidate best = {0};
    struct interface *connected = interface_on_network_of(destination);

    if (connected)
        take(&best, connected->mask, 0, connected, destination);
    if (depth < DEPTH)
        for (unsigned i = 0; i < MAX_STATIC_ROUTES; i++) {
            const struct static_route *route = &static_routes[i];
            struct next_hop by;
            if (route->used && route != not_by && !((destination ^ route->prefix) & route->mask) &&
                better(&best, route->mask, route->distance) && static_hop(route, destination, &by, depth))
                take(&best, route->mask, route->distance, by.interface, by.address);
        }
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++) {
        struct rip_route *route = &rip_routes[i];
        if (rip_route_is_usable(route) && !((destination ^ route->prefix) & route->mask) &&
            better(&best, route->mask, RIP_DISTANCE))
            take(&best, route->mask, RIP_DISTANCE, route->interface, route->next_hop);
    }
    if (best.found)
        *hop = best.hop;
    return best.found;
}

bool route_lookup(uint32_t destination, struct next_hop *hop)
{
    return lookup(destination, hop, 0, NULL);
}

static bool static_is_usable(const struct static_route *route)
{
    struct next_hop hop;

    return route->used && static_hop(route, route->prefix, &hop, 0);
}

static bool is_connected(uint32_t prefix, uint32_t mask)
{
    for (unsigned i = 0; i < MAX_INTERFACES; i++)
        if (interface_has_address(&interfaces[i]) && interfaces[i].mask == mask &&
            (interfaces[i].address & mask) == prefix)
            return true;
    return false;
}

static unsigned best_static_distance(uint32_t prefix, uint32_t mask)
{
    unsigned best = 256;

    for (unsigned i = 0; i < MAX_STATIC_ROUTES; i++) {
        const struct static_route *route = &static_routes[i];
        if (route->used && route->prefix == prefix && route->mask == mask && route->distance < best &&
            static_is_usable(route))
            best = route->distance;
    }
    return best;
}

bool route_is_overruled(uint32_t prefix, uint32_t mask)
{
    return is_connected(prefix, mask) || best_static_distance(prefix, mask) < RIP_DISTANCE;
}

static bool same_way(const struct static_route *a, const struct static_route *b)
{
    return a->next_hop == b->next_hop && a->by_interface == b->by_interface &&
           (!a->by_interface || (a->by.type == b->by.type && a->by.slot == b->by.slot && a->by.unit == b->by.unit));
}

bool static_route_add(const struct static_route *route)
{
    struct static_route *place = NULL;

    for (unsigned i = 0; i < MAX_STATIC_ROUTES; i++) {
        struct static_route *one = &static_routes[i];
        if (one->used && one->prefix == route->prefix && one->mask == route->mask && same_way(one, route)) {
            one->distance = route->distance;
            return true;
        }
        if (!one->used && !place)
            place = one;
    }
    if (!place)
        return false;
    *place = *route;
    place->used = true;
    return true;
}

bool static_route_remove(const struct static_route *route)
{
    bool any = !route->next_hop && !route->by_interface, removed = false;

    for (unsigned i = 0; i < MAX_STATIC_ROUTES; i++) {
        struct static_route *one = &static_routes[i];
        if (one->used && one->prefix == route->prefix && one->mask == route->mask && (any || same_way(one, route))) {
            one->used = false;
            removed = true;
        }
    }
    return removed;
}

/* ---- show ip route ---- */

struct shown {
    uint32_t prefix, mask;
    char source; /* C, S or R */
    unsigned distance, metric;
    uint32_t next_hop;
    const char *interface; /* NULL: not said */
    const struct rip_route *rip;
};

#define MAX_SHOWN (MAX_INTERFACES + MAX_STATIC_ROUTES + MAX_RIP_ROUTES)
static struct shown shown[MAX_SHOWN];
static unsigned shown_count;

static void show_one(struct shown one)
{
    unsigned at = shown_count++;

    for (; at > 0; at--) {
        const struct shown *before = &shown[at - 1];
        if (before->prefix < one.prefix || (before->prefix == one.prefix && before->mask <= one.mask))
            break;
        shown[at] = shown[at - 1];
    }
    shown[at] = one;
}

static void collect(char only_source)
{
    shown_count = 0;
    for (struct interface *i = interface_next(NULL); i; i = interface_next(i))
        if (interface_has_address(i) && (!only_source || only_source == 'C'))
            show_one(
                (struct shown){.prefix = i->address & i->mask, .mask = i->mask, .source = 'C', .interface = i->name});
    for (unsigned i = 0; i < MAX_STATIC_ROUTES; i++) {
        const struct static_route *route = &static_routes[i];
        struct next_hop hop;
        if (!static_is_usable(route) || is_connected(route->prefix, route->mask) ||
            (only_source && only_source != 'S') || route->distance > best_static_distance(route->prefix, route->mask))
            continue;
        static_hop(route, route->prefix, &hop, 0);
        show_one((struct shown){.prefix = route->prefix,
                                .mask = route->mask,
                                .source = 'S',
                                .distance = route->distance,
                                .next_hop = route->next_hop,
                                .interface = route->by_interface ? hop.interface->name : NULL});
    }
    for (unsigned i = 0; i < MAX_RIP_ROUTES; i++) {
        const struct rip_route *route = &rip_routes[i];
        if (route->used && route->interface && !route_is_overruled(route->prefix, route->mask) &&
            (!only_source || only_source == 'R'))
            show_one((struct shown){.prefix = route->prefix,
                                    .mask = route->mask,
                                    .source = 'R',
                                    .distance = RIP_DISTANCE,
                                    .metric = route->metric,
                                    .next_hop = route->next_hop,
                                    .interface = route->interface->name,
                                    .rip = route});
    }
}

static void show_way(struct text *out, const struct shown *one)
{
    if (one->source == 'C' || !one->next_hop) {
        text_print(out, " is directly connected, %s\n", one->interface);
        return;
    }
    if (one->rip && one->rip->metric >= RIP_INFINITY) {
        text_print(out, "/%u is possibly down,\n          routing via %s, %s\n", mask_length(one->mask),
                   ip_text(one->next_hop), one->interface);
        return;
    }
    text_print(out, " [%u/%u] via %s", one->distance, one->metric, ip_text(one->next_hop));
    if (one->rip)
        text_print(out, ", %s", age_text((clock_ms() - one->rip->updated_ms) / 1000));
    if (one->interface)
        text_print(out, ", %s", one->interface);
    text_print(out, "\n");
}

static bool in_major(const struct shown *one, uint32_t major, uint32_t major_mask)
{
    return major_mask && (one->prefix & major_mask) == major && one->mask >= major_mask;
}

/* The heading over a classful network that is divided: its mask if all its parts have one, else their count. */
static void show_major(struct text *out, unsigned from, uint32_t major, uint32_t major_mask, bool *one_mask)
{
    unsigned count = 0, masks = 0;
    uint32_t seen[32];

    for (unsigned i = from; i < shown_count && in_major(&shown[i], major, major_mask); i++) {
        bool repeated = i > from && shown[i].prefix == shown[i - 1].prefix && shown[i].mask == shown[i - 1].mask;
        unsigned m = 0;
        count += !repeated;
        while (m < masks && seen[m] != shown[i].mask)
            m++;
        if (m == masks && masks < ARRAY_SIZE(seen))
            seen[masks++] = shown[i].mask;
    }
    *one_mask = masks == 1;
    if (*one_mask)
        text_print(out, "     %s/%u is subnetted, %u subnets\n", ip_text(major), mask_length(seen[0]), count);
    else
        text_print(out, "     %s/%u is variably subnetted, %u subnets, %u masks\n", ip_text(major),
                   mask_length(major_mask), count, masks);
}

static void show_entry(struct text *out, uint32_t address)
{
    const struct shown *best = NULL;

    for (unsigned i = 0; i < shown_count; i++)
        if (!((address ^ shown[i].prefix) & shown[i].mask) && shown[i].mask && (!best || shown[i].mask > best->mask))
            best = &shown[i];
    if (!best) {
        text_print(out, "%% Network not in table\n");
        return;
    }
    text_print(out, "Routing entry for %s/%u\n  Known via \"%s\", distance %u, metric %u%s\n", ip_text(best->prefix),
               mask_length(best->mask),
               best->source == 'C'   ? "connected"
               : best->source == 'S' ? "static"
                                     : "rip",
               best->distance, best->metric, best->source == 'C' ? " (connected, via interface)" : "");
    if (best->rip)
        text_print(out, "  Redistributing via rip\n  Last update from %s on %s, %s ago\n", ip_text(best->next_hop),
                   best->interface, age_text((clock_ms() - best->rip->updated_ms) / 1000));
    text_print(out, "  Routing Descriptor Blocks:\n");
    if (best->source == 'C' || !best->next_hop)
        text_print(out, "  * directly connected, via %s\n", best->interface);
    else if (best->rip)
        text_print(out, "  * %s, from %s, %s ago, via %s\n", ip_text(best->next_hop), ip_text(best->rip->gateway),
                   age_text((clock_ms() - best->rip->updated_ms) / 1000), best->interface);
    else
        text_print(out, "  * %s\n", ip_text(best->next_hop));
    text_print(out, "      Route metric is %u, traffic share count is 1\n", best->metric);
}

void routes_show(struct text *out, uint32_t address, bool only_address, char only_source)
{
    uint32_t major = 0, major_mask = 0;
    bool divided = false, one_mask = false;
    const struct shown *gateway = NULL;

    collect(only_source);
    if (only_address) {
        show_entry(out, address);
        return;
    }
    if (!only_source) {
        text_print(out, "Codes: C - connected, S - static, R - RIP, M - mobile, B - BGP\n"
                        "       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area \n"
                        "       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2\n"
                        "       E1 - OSPF external type 1, E2 - OSPF external type 2\n"
                        "       i - IS-IS, su - IS-IS summary, L1 - IS-IS level-1, L2 - IS-IS level-2\n"
                        "       ia - IS-IS inter area, * - candidate default, U - per-user static route\n"
                        "       o - ODR, P - periodic downloaded static route\n\n");
        if (shown_count && !shown[0].mask && (!shown[0].rip || shown[0].rip->metric < RIP_INFINITY))
            gateway = &shown[0];
        if (gateway)
            text_print(out, "Gateway of last resort is %s to network 0.0.0.0\n\n", ip_text(gateway->next_hop));
        else
            text_print(out, "Gateway of last resort is not set\n\n");
    }
    for (unsigned i = 0; i < shown_count; i++) {
        const struct shown *one = &shown[i];
        bool again = i && one->prefix == one[-1].prefix && one->mask == one[-1].mask;
        if (!divided || !in_major(one, major, major_mask)) {
            /* A network of its classful size stands on its own line unless parts of it are known too. */
            major_mask = classful_mask(one->prefix);
            major = one->prefix & major_mask;
            divided = one->mask > major_mask && major_mask;
            if (one->mask == major_mask && i + 1 < shown_count)
                for (unsigned j = i + 1; j < shown_count && in_major(&shown[j], major, major_mask); j++)
                    divided |= shown[j].mask > major_mask;
            if (divided)
                show_major(out, i, major, major_mask, &one_mask);
        }
        if (again) {
            text_print(out, "%*s", divided ? 23 : 18, "");
        } else {
            bool down = one->rip && one->rip->metric >= RIP_INFINITY;
            text_print(out, "%c%s", one->source, one->mask ? " " : "*");
            if (divided) {
                text_print(out, "      %s", ip_text(one->prefix));
                if (!one_mask && !down)
                    text_print(out, "/%u", mask_length(one->mask));
            } else {
                text_print(out, "   %s", ip_text(one->prefix));
                if (!down)
                    text_print(out, "/%u", mask_length(one->mask));
            }
        }
        show_way(out, one);
    }
}
