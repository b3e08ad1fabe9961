#include "icmp.h"

#include "log.h"
#include "probe.h"
#include "route.h"

/* Errors per second, so that a scan or a loop does not drown the router in its own answers. */
#define ERRORS_PER_SECOND 20

bool debug_icmp;

static struct {
    uint32_t echo_in, reply_in, reply_out, echo_out, unreachable_in, unreachable_out, exceeded_in, exceeded_out, bad,
        limited;
} counters;

static uint32_t window_start_ms;
static unsigned window_errors;

static bool may_send_error(void)
{
    if (clock_ms() - window_start_ms >= 1000) {
        window_start_ms = clock_ms();
        window_errors = 0;
    }
    if (window_errors >= ERRORS_PER_SECOND) {
        counters.limited++;
        return false;
    }
    window_errors++;
    return true;
}

/* RFC 1812, 4.3.2.7: no errors about errors, broadcasts, or fragments other than the first. */
static bool may_be_answered(const uint8_t *frame, size_t size)
{
    const uint8_t *header = frame + ETHERNET_HEADER;
    size_t header_size = (size_t)(header[0] & 15) * 4;
    uint32_t source = get32(header + 12), destination = get32(header + 16);

    if (size < header_size || (get16(header + 6) & 0x1fff) || (frame[0] & 1))
        return false;
    if (destination >> 28 >= 14 || source >> 29 == 7 || source == 0 || source >> 24 == 127)
        return false;
    if (header[9] == PROTOCOL_ICMP) {
        uint8_t type;
        if (size < header_size + 8)
            return false;
        type = header[header_size];
        return type == ICMP_ECHO || type == ICMP_ECHO_REPLY || (type >= 13 && type <= 18);
    }
    return true;
}

static void send_error(uint32_t source, const uint8_t *original, size_t size, uint8_t type, uint8_t code)
{
    uint8_t frame[FRAME_MAX], *icmp = frame + ETHERNET_HEADER + IPV4_HEADER;
    const uint8_t *header = original + ETHERNET_HEADER;
    size_t quoted = (size_t)(header[0] & 15) * 4 + 8;
    uint32_t destination = get32(header + 12);

    if (quoted > size)
        quoted = size;
    memset(icmp, 0, 8);
    icmp[0] = type;
    icmp[1] = code;
    memcpy(icmp + 8, header, quoted);
    put16(icmp + 2, checksum(icmp, 8 + quoted));
    if (!ipv4_send(frame, source, destination, PROTOCOL_ICMP, IPV4_TTL, 8 + quoted))
        return;
    if (debug_icmp)
        log_message("ICMP: %s sent to %s (dest was %s)",
                    type == ICMP_TIME_EXCEEDED ? "time exceeded (time to live)" : "dst unreachable",
                    ip_text(destination), ip_text(get32(header + 16)));
}

void icmp_unreachable(const uint8_t *frame, size_t size, uint8_t code)
{
    uint32_t destination = get32(frame + ETHERNET_HEADER + 16);

    if (address_is_ours(get32(frame + ETHERNET_HEADER + 12)) || !may_be_answered(frame, size) || !may_send_error())
        return;
    counters.unreachable_out++;
    send_error(address_is_ours(destination) ? destination : 0, frame, size, ICMP_UNREACHABLE, code);
}

void icmp_time_exceeded(const struct interface *interface, const uint8_t *frame, size_t size)
{
    if (!may_be_answered(frame, size) || !may_send_error())
        return;
    counters.exceeded_out++;
    send_error(interface->address, frame, size, ICMP_TIME_EXCEEDED, 0);
}

static void answer_echo(const struct ipv4_packet *packet)
{
    uint8_t frame[FRAME_MAX], *icmp = frame + ETHERNET_HEADER + IPV4_HEADER;

    if (packet->data_size > FRAME_MAX - ETHERNET_HEADER - IPV4_HEADER || packet->broadcast)
        return;
    memcpy(icmp, packet->data, packet->data_size);
    icmp[0] = ICMP_ECHO_REPLY;
    put16(icmp + 2, 0);
    put16(icmp + 2, checksum(icmp, packet->data_size));
    counters.reply_out++;
    if (debug_icmp)
        log_message("ICMP: echo reply sent, src %s, dst %s", ip_text(packet->destination), ip_text(packet->source));
    ipv4_send(frame, packet->destination, packet->source, PROTOCOL_ICMP, IPV4_TTL, packet->data_size);
}

/* An error quotes the packet that it is about: 20 bytes and more of its header, and 8 bytes of what followed. */
static void receive_error(const struct ipv4_packet *packet)
{
    const uint8_t *icmp = packet->data, *quoted = icmp + 8;
    size_t room = packet->data_size - 8, header_size;

    if (room < IPV4_HEADER)
        return;
    header_size = (size_t)(quoted[0] & 15) * 4;
    if (header_size < IPV4_HEADER || room < header_size + 8)
        return;
    if (debug_icmp)
        log_message("ICMP: %s rcvd from %s", icmp[0] == ICMP_TIME_EXCEEDED ? "time exceeded" : "dst unreachable",
                    ip_text(packet->source));
    probe_error(packet->source, icmp[0], icmp[1], quoted[9], quoted + header_size);
}

void icmp_receive(const struct ipv4_packet *packet)
{
    const uint8_t *icmp = packet->data;

    if (packet->data_size < 8 || checksum(icmp, packet->data_size)) {
        counters.bad++;
        return;
    }
    switch (icmp[0]) {
    case ICMP_ECHO:
        counters.echo_in++;
        answer_echo(packet);
        break;
    case ICMP_ECHO_REPLY:
        counters.reply_in++;
        if (debug_icmp)
            log_message("ICMP: echo reply rcvd, src %s, dst %s", ip_text(packet->source), ip_text(packet->destination));
        probe_reply(packet->source, get16(icmp + 4), get16(icmp + 6));
        break;
    case ICMP_UNREACHABLE:
        counters.unreachable_in++;
        receive_error(packet);
        break;
    case ICMP_TIME_EXCEEDED:
        counters.exceeded_in++;
        receive_error(packet);
        break;
    }
}

bool icmp_send_echo(uint32_t source, uint32_t destination, uint16_t id, uint16_t sequence, size_t size)
{
    uint8_t frame[FRAME_MAX], *icmp = frame + ETHERNET_HEADER + IPV4_HEADER;
    size_t icmp_size = size - IPV4_HEADER;

    for (size_t i = 0; i < icmp_size; i++)
        icmp[i] = i & 1 ? 0xcd : 0xab;
    icmp[0] = ICMP_ECHO;
    icmp[1] = 0;
    put16(icmp + 2, 0);
    put16(icmp + 4, id);
    put16(icmp + 6, sequence);
    put16(icmp + 2, checksum(icmp, icmp_size));
    counters.echo_out++;
    return ipv4_send(frame, source, destination, PROTOCOL_ICMP, IPV4_TTL, icmp_size);
}

void icmp_show(struct text *out)
{
    text_print(out, "IP statistics:\n  Rcvd:  %u total, %u local destination\n         %u format or checksum errors\n",
               ipv4_counters.received, ipv4_counters.delivered, ipv4_counters.bad);
    text_print(out, "  Sent:  %u generated, %u forwarded\n  Drop:  %u no route, %u TTL exceeded\n\n",
               ipv4_counters.sent, ipv4_counters.forwarded, ipv4_counters.no_route, ipv4_counters.ttl_exceeded);
    text_print(
        out, "ICMP statistics:\n  Rcvd: %u checksum errors, %u unreachable, %u echo, %u echo reply, %u time exceeded\n",
        counters.bad, counters.unreachable_in, counters.echo_in, counters.reply_in, counters.exceeded_in);
    text_print(out, "  Sent: %u unreachable, %u echo, %u echo reply, %u time exceeded, %u held back\n",
               counters.unreachable_out, counters.echo_out, counters.reply_out, counters.exceeded_out,
               counters.limited);
}
