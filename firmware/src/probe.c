#include "probe.h"

#include "icmp.h"
#include "route.h"
#include "session.h"

#define FIRST_PORT 33434
#define TRIES_PER_HOP 3
#define MAX_HOPS 30
#define TRACE_TIMEOUT_MS 3000

static uint16_t last_id;

void probe_ping(struct session *session, uint32_t destination, uint32_t source, uint32_t count, uint32_t size,
                uint32_t timeout_s)
{
    struct probe *probe = &session->probe;

    *probe = (struct probe){.running = true,
                            .destination = destination,
                            .source = source,
                            .count = count,
                            .size = size,
                            .timeout_ms = timeout_s * 1000,
                            .id = ++last_id,
                            .shortest_ms = UINT32_MAX};
    text_print(&session->out,
               "\nType escape sequence to abort.\nSending %u, %u-byte ICMP Echos to %s, timeout is %u seconds:\n",
               count, size, ip_text(destination), timeout_s);
    if (source)
        text_print(&session->out, "Packet sent with a source address of %s \n", ip_text(source));
}

void probe_traceroute(struct session *session, uint32_t destination)
{
    struct probe *probe = &session->probe;

    *probe = (struct probe){.running = true,
                            .traceroute = true,
                            .destination = destination,
                            .timeout_ms = TRACE_TIMEOUT_MS,
                            .id = (uint16_t)(49152 + ++last_id % 16000),
                            .ttl = 1};
    text_print(&session->out, "\nType escape sequence to abort.\nTracing the route to %s\n\n", ip_text(destination));
}

static void finish(struct session *session)
{
    struct probe *probe = &session->probe;

    probe->running = false;
    if (!probe->traceroute) {
        text_print(&session->out, "%sSuccess rate is %u percent (%u/%u)", probe->column ? "\n" : "",
                   probe->sent ? probe->received * 100 / probe->sent : 0, probe->received, probe->sent);
        if (probe->received)
            text_print(&session->out, ", round-trip min/avg/max = %u/%u/%u ms", probe->shortest_ms,
                       probe->total_ms / probe->received, probe->longest_ms);
    }
    text_print(&session->out, "\n");
    session_done(session);
}

void probe_abort(struct session *session)
{
    if (session->probe.running)
        finish(session);
}

static void mark(struct session *session, char c)
{
    struct probe *probe = &session->probe;

    text_add(&session->out, &c, 1);
    if (++probe->column == 70) {
        text_print(&session->out, "\n");
        probe->column = 0;
    }
    probe->waiting = false;
}

static bool send_trace(struct probe *probe)
{
    uint8_t frame[FRAME_MAX], *udp = frame + ETHERNET_HEADER + IPV4_HEADER;
    struct next_hop hop;
    uint32_t source;

    if (!route_lookup(probe->destination, &hop) || hop.interface->type == NULL_INTERFACE)
        return false;
    source = hop.interface->address;
    memset(udp, 0, 20);
    put16(udp, probe->id);
    put16(udp + 2, (uint16_t)(FIRST_PORT + probe->sequence));
    put16(udp + 4, 20);
    put16(udp + 6, ipv4_transport_checksum(source, probe->destination, PROTOCOL_UDP, udp, 20));
    return ipv4_send(frame, source, probe->destination, PROTOCOL_UDP, probe->ttl, 20);
}

static void trace_next(struct session *session)
{
    struct probe *probe = &session->probe;

    probe->waiting = false;
    if (++probe->try_of_hop < TRIES_PER_HOP)
        return;
    text_print(&session->out, "\n");
    probe->try_of_hop = 0;
    probe->hop_address = 0;
    if (probe->reached || probe->ttl == MAX_HOPS)
        finish(session);
    else
        probe->ttl++;
}

void probe_tick(struct session *session)
{
    struct probe *probe = &session->probe;
    bool sent;

    if (!probe->running)
        return;
    if (probe->waiting) {
        if (clock_ms() - probe->sent_ms < probe->timeout_ms)
            return;
        if (!probe->traceroute)
            mark(session, '.');
        else {
            text_print(&session->out, " * ");
            trace_next(session);
        }
        session_flush(session);
        return;
    }
    if (!probe->traceroute && probe->sent == probe->count) {
        finish(session);
        return;
    }
    if (probe->traceroute && !probe->try_of_hop)
        text_print(&session->out, "%3u ", probe->ttl);
    probe->sequence++;
    probe->sent++;
    probe->sent_ms = clock_ms();
    probe->waiting = true;
    if (probe->traceroute)
        sent = send_trace(probe);
    else
        sent = icmp_send_echo(probe->source, probe->destination, probe->id, probe->sequence, probe->size);
    if (!sent && probe->waiting) {
        if (probe->traceroute) {
            text_print(&session->out, " * ");
            trace_next(session);
        } else
            mark(session, '.');
    }
    session_flush(session);
}

void probe_reply(uint32_t source, uint16_t id, uint16_t sequence)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        struct probe *probe = &sessions[line].probe;
        uint32_t time = clock_ms() - probe->sent_ms;
        (void)source;
        if (!probe->running || probe->traceroute || !probe->waiting || probe->id != id || probe->sequence != sequence)
            continue;
        if (!time)
            time = 1; /* a tick is 4 ms; IOS never says 0 */
        probe->received++;
        probe->total_ms += time;
        if (time < probe->shortest_ms)
            probe->shortest_ms = time;
        if (time > probe->longest_ms)
            probe->longest_ms = time;
        mark(&sessions[line], '!');
    }
}

void probe_error(uint32_t source, uint8_t type, uint8_t code, uint8_t protocol, const uint8_t *transport)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        struct session *session = &sessions[line];
        struct probe *probe = &session->probe;
        if (!probe->running || !probe->waiting)
            continue;
        if (!probe->traceroute) {
            if (protocol != PROTOCOL_ICMP || get16(transport + 4) != probe->id ||
                get16(transport + 6) != probe->sequence)
                continue;
            mark(session, type == ICMP_UNREACHABLE ? 'U' : '&');
            continue;
        }
        if (protocol != PROTOCOL_UDP || get16(transport) != probe->id ||
            get16(transport + 2) != (uint16_t)(FIRST_PORT + probe->sequence))
            continue;
        if (probe->hop_address != source)
            text_print(&session->out, "%s%s", probe->hop_address ? "\n    " : "", ip_text(source));
        probe->hop_address = source;
        if (type == ICMP_UNREACHABLE) {
            probe->reached = true;
            if (code != ICMP_PORT_UNREACHABLE)
                text_print(&session->out, " !%c ",
                           code == ICMP_HOST_UNREACHABLE      ? 'H'
                           : code == ICMP_NETWORK_UNREACHABLE ? 'N'
                                                              : 'A');
        }
        text_print(&session->out, " %u msec", clock_ms() - probe->sent_ms ? clock_ms() - probe->sent_ms : 1);
        trace_next(session);
    }
}
