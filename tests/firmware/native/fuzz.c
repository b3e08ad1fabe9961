/* libFuzzer targets: -DFUZZ_frames, -DFUZZ_console or -DFUZZ_startup. The sanitizers and the router's own bounds are
 * the oracle. */
#include <stdlib.h>
#include <string.h>

#include "board_native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char startup[] =
    "hostname R1\nenable secret 8 $8$vd0pzMqHUxHFQc$KmywvHHNPq6Te15tgamChh8f0cuFIkkP3IdcGN9QV.k\n"
    "interface FastEthernet0/0\n ip address 10.1.1.1 255.255.255.0\ninterface FastEthernet0/1\n ip address 10.1.2.1 "
    "255.255.255.0\n"
    "interface FastEthernet1/0\n switchport access vlan 2\ninterface Vlan2\n ip address 192.168.10.1 255.255.255.0\n"
    "router rip\n version 2\n network 10.0.0.0\n network 192.168.10.0\n timers basic 5 15 10 30\n"
    "ip route 0.0.0.0 0.0.0.0 10.1.1.254\nip route 172.16.0.0 255.255.0.0 Null0\nline aux 0\n exec-timeout 0 0\nend\n";

#ifdef FUZZ_frames
/* Records of: port (and what to repair), length of 2 bytes, frame. Checksums are put right in most, or little would get
 * past them. */
static void repair(uint8_t *frame, size_t size, uint8_t how)
{
    static const uint8_t macs[3][6] = {
        {0xcc, 0, 0x79, 0x3b, 0, 0}, {0xcc, 0, 0x79, 0x3b, 0, 1}, {0xcc, 0, 0x79, 0x3b, 0, 0}};
    uint8_t *ip = frame + 14;
    size_t header, total;

    if (size < 34 || !(how & 0x40))
        return;
    if (!(how & 0x20))
        memcpy(frame, macs[how % 3], 6);
    if (how & 0x10)
        put16(frame + 12, 0x0800);
    if (get16(frame + 12) != 0x0800)
        return;
    if (how & 0x08)
        ip[0] = 0x45;
    header = (size_t)(ip[0] & 15) * 4;
    if (header < 20 || 14 + header > size)
        return;
    put16(ip + 2, (uint16_t)(size - 14));
    put16(ip + 10, 0);
    put16(ip + 10, checksum(ip, header));
    total = size - 14 - header;
    if (ip[9] == 1 && total >= 4) {
        put16(ip + header + 2, 0);
        put16(ip + header + 2, checksum(ip + header, total));
    }
    if (ip[9] == 17 && total >= 8) {
        put16(ip + header + 4, (uint16_t)total);
        put16(ip + header + 6, 0); /* none */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned passes = 0;

    native_boot(startup);
    native_type("\r\rping 10.9.9.9 repeat 3\r");
    while (size > 3) {
        uint8_t how = data[0];
        size_t length = get16(data + 1) % (FRAME_MAX + 1);
        uint8_t frame[FRAME_MAX];
        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        memcpy(frame, data, length);
        repair(frame, length, how);
        native_frame(how % 3, frame, length);
        if ((how & 0x80) && passes++ < 16) /* time is dear */
            native_run(1000);
        data += length;
        size -= length;
        sent_count = 0;
    }
    native_type("\003\rshow ip route\r show ip rip database\r show arp\r");
    return 0;
}
#endif

#ifdef FUZZ_console
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char keys[4097];
    size_t n = 0;

    /* Half of the inputs start where most of the commands are. */
    native_boot(size && (data[0] & 1) ? "end\n" : startup);
    native_type(size && (data[0] & 2) ? "\r\ren\rterminal length 0\rconfigure terminal\r" : "\r\ren\r");
    for (size_t i = 1; i < size && n < sizeof keys - 1; i++)
        if (data[i])
            keys[n++] = (char)data[i];
    keys[n] = 0;
    native_type(keys);
    native_run(3000);
    sent_count = 0;
    native_type("\003\rshow running-config\r show interfaces\r");
    return 0;
}
#endif

#ifdef FUZZ_startup
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[16384], saved[16384];
    size_t n = 0, saved_size;

    for (size_t i = 0; i < size && n < sizeof text - 1; i++)
        if (data[i])
            text[n++] = (char)data[i];
    text[n] = 0;
    native_boot(text);
    native_type("\r\ren\rwrite memory\r");
    if (!native_nvram_size)
        return 0;
    /* What was saved, loaded and saved again must be the same: else a restart would change the router. */
    saved_size = native_nvram_size;
    memcpy(saved, native_nvram, saved_size);
    saved[saved_size] = 0;
    if (strstr(saved, "password") || strstr(saved, "secret"))
        return 0; /* the console may be closed to us */
    native_boot(saved);
    native_type("\r\ren\rwrite memory\r");
    if (native_nvram_size != saved_size || memcmp(saved, native_nvram, saved_size) != 0)
        abort();
    return 0;
}
#endif
