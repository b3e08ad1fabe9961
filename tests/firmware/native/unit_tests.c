/* Unit tests of the parts that build natively. Each test boots a router of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arp.h"
#include "board_native.h"
#include "cli.h"
#include "config.h"
#include "icmp.h"
#include "rip.h"
#include "route.h"
#include "sha256.h"
#include "text.h"

static const char *test_name;
static unsigned checks, failures;

static void fail(int line, const char *what)
{
    fprintf(stderr, "unit_tests.c:%d: %s: %s\n", line, test_name, what);
    failures++;
}

#define CHECK(condition) (checks++, (condition) ? (void)0 : fail(__LINE__, #condition))

static void check_has(int line, const char *output, const char *expected)
{
    checks++;
    if (!strstr(output, expected)) {
        fprintf(stderr, "unit_tests.c:%d: %s: expected\n%s\nin\n%s\n", line, test_name, expected, output);
        failures++;
    }
}
#define HAS(output, expected) check_has(__LINE__, output, expected)

static void check_lacks(int line, const char *output, const char *unwanted)
{
    checks++;
    if (strstr(output, unwanted)) {
        fprintf(stderr, "unit_tests.c:%d: %s: did not expect\n%s\nin\n%s\n", line, test_name, unwanted, output);
        failures++;
    }
}
#define LACKS(output, unwanted) check_lacks(__LINE__, output, unwanted)

/* ---- frames ---- */

static const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 0x99};
static const uint8_t port_macs[3][6] = {
    {0xcc, 0, 0x79, 0x3b, 0, 0}, {0xcc, 0, 0x79, 0x3b, 0, 1}, {0xcc, 0, 0x79, 0x3b, 0, 0x10}};

static uint32_t ip(const char *text)
{
    uint32_t address = 0;
    CHECK(parse_address(text, strlen(text), &address));
    return address;
}

static size_t build_ip(uint8_t *frame, unsigned port, const char *from, const char *to, uint8_t protocol, uint8_t ttl,
                       const uint8_t *data, size_t size)
{
    uint8_t *header = frame + 14;

    memcpy(frame, port_macs[port], 6);
    memcpy(frame + 6, peer_mac, 6);
    put16(frame + 12, 0x0800);
    memset(header, 0, 20);
    header[0] = 0x45;
    put16(header + 2, (uint16_t)(20 + size));
    header[8] = ttl;
    header[9] = protocol;
    put32(header + 12, ip(from));
    put32(header + 16, ip(to));
    put16(header + 10, checksum(header, 20));
    memcpy(header + 20, data, size);
    return 34 + size;
}

static void arp_from_peer(unsigned port, const char *from, const char *to, uint16_t operation)
{
    uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t start[6] = {0, 1, 8, 0, 6, 4};

    memcpy(frame + 6, peer_mac, 6);
    put16(frame + 12, 0x0806);
    memcpy(frame + 14, start, 6);
    put16(frame + 20, operation);
    memcpy(frame + 22, peer_mac, 6);
    put32(frame + 28, ip(from));
    put32(frame + 38, ip(to));
    native_frame(port, frame, sizeof frame);
}

static void echo_from_peer(unsigned port, const char *from, const char *to, uint8_t ttl)
{
    uint8_t frame[FRAME_MAX], echo[16] = {8, 0, 0, 0, 0x12, 0x34, 0, 1, 'd', 'a', 't', 'a'};

    put16(echo + 2, checksum(echo, sizeof echo));
    native_frame(port, frame, build_ip(frame, port, from, to, 1, ttl, echo, sizeof echo));
}

static const struct sent_frame *last_sent(void)
{
    CHECK(sent_count > 0);
    return &sent[sent_count ? sent_count - 1 : 0];
}

static const char two_networks[] = "hostname R1\n"
                                   "interface FastEthernet0/0\n ip address 10.1.1.1 255.255.255.0\n"
                                   "interface FastEthernet0/1\n ip address 10.1.2.1 255.255.255.0\nend\n";

/* ---- text ---- */

static void test_text(void)
{
    char buffer[32];
    struct text text;
    uint32_t value;

    text_init(&text, buffer, sizeof buffer);
    text_print(&text, "%-5s|%3u|%02u|%x|%c%%|%.2s|%d", "ab", 7u, 5u, 0xcafeu, 'z', "xyz", -3);
    CHECK(!strcmp(buffer, "ab   |  7|05|cafe|z%|xy|-3"));
    text_print(&text, "0123456789");
    CHECK(text.truncated && strlen(buffer) == 31);
    CHECK(parse_address("10.1.2.3", 8, &value) && value == 0x0a010203);
    CHECK(!parse_address("10.1.2", 6, &value) && !parse_address("10.1.2.256", 10, &value) &&
          !parse_address("10.1.2.3.", 9, &value));
    CHECK(!parse_address("10..2.3", 7, &value) && !parse_address("", 0, &value) &&
          !parse_address("1.2.3.0004", 10, &value));
    CHECK(parse_number("4294967295", 10, &value) && value == UINT32_MAX);
    CHECK(!parse_number("4294967296", 10, &value) && !parse_number("1x", 2, &value));
    CHECK(mask_is_contiguous(0) && mask_is_contiguous(0xffffff00) && mask_is_contiguous(~0u) &&
          !mask_is_contiguous(0xff00ff00));
    CHECK(mask_length(0xffffff00) == 24 && mask_length(0) == 0 && length_mask(24) == 0xffffff00 && length_mask(0) == 0);
    CHECK(text_matches("^ip", "ip route", 8) && !text_matches("^ip", " ip", 3) && text_matches("a.*c$", "xabbc", 5));
    CHECK(text_matches("x|rou", "ip route", 8) && !text_matches("a*b", "ccc", 3));
    CHECK(!text_matches("a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 46)); /* and quickly */
    CHECK(!strcmp(age_text(59), "00:00:59") && !strcmp(age_text(90000), "1d01h") && !strcmp(age_text(700000), "1w1d"));
}

static void test_sha256(void)
{
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                                  0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                                  0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    static const uint8_t pbkdf2[] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f,
                                     0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05};
    uint8_t digest[SHA256_SIZE], random[14] = {1, 2, 3};
    char hashed[SECRET_TEXT_SIZE];
    struct sha256 hash;

    sha256_init(&hash);
    sha256_add(&hash, "abc", 3);
    sha256_end(&hash, digest);
    CHECK(!memcmp(digest, abc, 32)); /* FIPS 180-4 */
    pbkdf2_sha256("passwd", "salt", 1, digest);
    CHECK(!memcmp(digest, pbkdf2, sizeof pbkdf2)); /* RFC 7914, section 11 */
    secret_hash("cisco", random, hashed);
    CHECK(secret_is_hash(hashed) && secret_matches("cisco", hashed) && !secret_matches("Cisco", hashed));
    /* A known type 8 hash: hashcat's example for mode 9200, the password is hashcat. */
    CHECK(secret_matches("hashcat", "$8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk"));
}

/* ---- command line ---- */

static void test_abbreviations_and_errors(void)
{
    native_boot("end\n");
    HAS(native_type("\r\r"), "Router>");
    HAS(native_type("sh ip int br\r"),
        "FastEthernet0/0            unassigned      YES unset  administratively down down    \r\n");
    HAS(native_type("SHOW VERS\r"), "not Cisco IOS");
    HAS(native_type("show running-config\r"), "      ^\r\n% Invalid input"); /* not before enable */
    HAS(native_type("en\r"), "Router#");
    HAS(native_type("sh i\r"), "% Ambiguous command:  \"sh i\"\r\n");
    HAS(native_type("show ip\r"), "% Incomplete command.\r\n\r\n");
    HAS(native_type("show ip xx\r"),
        "show ip xx\r\n               ^\r\n% Invalid input detected at '^' marker.\r\n\r\n");
    HAS(native_type("shwo\r"),
        "Translating \"shwo\"\r\n\r\n% Unknown command or computer name, or unable to find computer address\r\n");
    HAS(native_type("show cdp neighbors\r"), "% Not in this lab router\r\n");
    HAS(native_type("show logging | include ABSENT\r"), "not in this lab router: show cdp neighbors");
    HAS(native_type("conf t\r"), "Enter configuration commands, one per line.  End with CNTL/Z.\r\nRouter(config)#");
    HAS(native_type("router ospf 1\r"), "% Not in this lab router\r\n");
    HAS(native_type("int f9/0\r"), "    ^\r\n% Invalid input");
    HAS(native_type("int fa 0/0\r"), "Router(config-if)#");
    HAS(native_type("do sh clock\r"), "UTC Fri Mar 1 2002");
    HAS(native_type("hostname R7\r"), "R7(config)#"); /* a global command from a sub-mode */
    HAS(native_type("int f0/0\rip route 1.0.0.0 255.0.0.0 Null0\r"),
        "R7(config)#"); /* also where the sub-mode has a word that begins it */
    HAS(native_type("int f0/0\rip rou?"), "route");
    HAS(native_type("\025line con 0\r"), "R7(config-line)#");
    HAS(native_type("exit\rexit\r"), "R7#");
    HAS(native_type("conf t\rint lo0\rno shut\032"), "R7#");
    HAS(native_type("configure\r\r"), "[terminal]? ");
    HAS(native_type("\003"), "R7#");
    HAS(native_type("disable\r"), "R7>");
}

static void test_help_and_completion(void)
{
    native_boot("end\n");
    native_type("\r\ren\r");
    HAS(native_type("show ip ?"), "  route      IP routing table\r\n");
    HAS(native_type("\025sh ip r?"), "rip    route");
    LACKS(console_output, "protocols");
    HAS(console_output, "Router#sh ip r"); /* the line is there again */
    HAS(native_type("\025sho\t"), "\r\nRouter#show ");
    HAS(native_type("ver\t"), "Router#show version ");
    HAS(native_type("\rterm len 0\rconf t\rinterface ?"), "  FastEthernet  FastEthernet IEEE 802.3\r\n");
    HAS(native_type("\025interface fast\t"), "interface FastEthernet");
    HAS(native_type("0/0\rip address ?"), "  A.B.C.D  IP address\r\n");
    HAS(native_type("1.2.3.4 255.255.255.0 ?"), "  <cr>");
    HAS(native_type("\025do show ip route | ?"), "  begin    Begin with the line that matches\r\n");
    HAS(native_type("\025do show ip route |i?"), "include  \r\n");
    HAS(native_type("\025do show ip route | inc ?"), "  LINE  Regular Expression\r\n");
    LACKS(console_output, "<cr>");
    HAS(native_type("\025do show ip route | se\t"), "show ip route | section ");
    HAS(native_type("\025do show ip route | x?"), "% Unrecognized command\r\n");
    HAS(native_type("\025do show x?"), "% Unrecognized command\r\n");
    HAS(native_type("\025xyz ?"), "% Unrecognized command\r\n");
    LACKS(native_type("\032?"), "telnet"); /* what is not here is in no help */
}

static void test_line_editor(void)
{
    native_boot("end\n");
    native_type("\r\ren\r");
    HAS(native_type("shpw clock\002\002\002\002\002\002\002\010o\005\r"), "UTC Fri"); /* back, correct, end */
    HAS(native_type("\033[A\r"), "UTC Fri");                                          /* up */
    HAS(native_type("show nothing\027clock\r"), "UTC Fri");                           /* erase a word */
    HAS(native_type("rubbish\025show clock\r"), "UTC Fri");
    HAS(native_type("show clockXX\033[D\033[D\013\r"), "UTC Fri");
    HAS(native_type("\020\016show clo\001\006\006\006\006\006\006\006\006ck\r"), "UTC Fri");
    for (int i = 0; i < 400; i++)
        native_type("x");
    LACKS(native_type("\003show clock\r"), "Invalid");
    HAS(native_type("show clock\n"), "UTC Fri"); /* LF alone, and CR LF, are one return */
    LACKS(native_type("show clock\r\n"), "Router#\r\nRouter#");
    HAS(native_type("show history\r"), "  show clock\r\n");
}

static void test_paging_and_filters(void)
{
    native_boot(two_networks);
    native_type("\r\ren\rterminal length 5\r");
    HAS(native_type("show running-config\r"), " --More-- ");
    LACKS(console_output, "hostname");
    HAS(native_type(" "), "version");
    HAS(native_type("q"), "R1#");
    HAS(native_type("show run | include ^ ip|host\r"),
        "hostname R1\r\n ip address 10.1.1.1 255.255.255.0\r\n ip address 10.1.2.1");
    LACKS(native_type("show run | exclude a\r"), "hostname");
    native_type(" q");
    HAS(native_type("show run | section 0/1\r"),
        "interface FastEthernet0/1\r\n ip address 10.1.2.1 255.255.255.0\r\n duplex auto");
    LACKS(console_output, "10.1.1.1");
    native_type("q");
    HAS(native_type("terminal length 0\rshow run | begin line\r"), "line con 0\r\nline aux 0\r\n!\r\nend\r\n");
    LACKS(console_output, "hostname R1");
    HAS(native_type("show run |\r"), "% Invalid input");
}

static void test_passwords(void)
{
    native_boot("enable secret 0 cisco\nline con 0\n password letmein\n login\n exec-timeout 1 0\nend\n");
    HAS(native_type("\r"), "User Access Verification\r\n\r\nPassword: ");
    LACKS(native_type("wrong\r"), "wrong"); /* no echo */
    HAS(native_type("x\ry\r"), "% Bad passwords");
    HAS(native_type("\rletmein\r"), "Router>");
    HAS(native_type("enable\rbad\rbad\rbad\r"), "% Bad secrets\r\n\r\nRouter>");
    HAS(native_type("enable\rci\003"), "Router>");
    HAS(native_type("enable\rcisco\r"), "Router#");
    HAS(native_type("show run | include secret\r"), "enable secret 8 $8$");
    LACKS(console_output, "cisco");
    native_run(59000);
    LACKS(console_output, "now available");
    native_run(2000);
    HAS(console_output, "con0 is now available");
    HAS(native_type("\rletmein\r"), "Router>"); /* and user mode again */
}

static void test_banner(void)
{
    native_boot("banner motd ^CKeep\nout^C\nhostname B\nend\n");
    HAS(native_type("\r"), "Keep\r\nout");
    native_type("\ren\rconf t\r");
    HAS(native_type("banner motd #One line#\rdo show run | include banner\r"), "banner motd ^COne line^C");
    HAS(native_type("banner motd %\r"), "Enter TEXT message.");
    HAS(native_type("a\rb\r%\rdo show run | section banner\r"), "banner motd ^C\r\n");
    HAS(native_type("no banner motd\rdo show run | include banner\r"), "B(config)#");
    native_boot("banner motd \003Byte\003\nend\n"); /* as IOS keeps it in NVRAM */
    HAS(native_type("\r"), "Byte");
}

static void test_configuration_survives(void)
{
    static const char whole[] =
        "hostname CORP\nenable secret 8 $8$vd0pzMqHUxHFQc$KmywvHHNPq6Te15tgamChh8f0cuFIkkP3IdcGN9QV.k\nno ip domain "
        "lookup\n"
        "interface Loopback0\n ip address 1.1.1.1 255.255.255.255\n!\n"
        "interface FastEthernet0/0\n description to R1\n ip address 10.1.2.1 255.255.255.0\n duplex auto\n speed "
        "auto\n!\n"
        "interface FastEthernet0/1\n no ip address\n shutdown\n!\n"
        "interface FastEthernet1/0\n switchport access vlan 2\n!\n"
        "interface Vlan2\n description Switch Card to Core Network\n ip address 10.1.1.2 255.255.255.0\n!\n"
        "router rip\n version 2\n timers basic 5 30 0 50\n passive-interface Vlan2\n network 10.0.0.0\n "
        "default-information originate\n"
        " no auto-summary\n!\n"
        "ip route 0.0.0.0 0.0.0.0 10.1.2.254\nip route 9.0.0.0 255.0.0.0 FastEthernet0/0 10.1.2.3 5\nip route 8.0.0.0 "
        "255.0.0.0 Null0\n"
        "banner motd ^CHello^C\nline con 0\n exec-timeout 0 0\nline aux 0\n privilege level 15\n password x y\n "
        "login\nend\n";
    static char first[16384];

    native_boot(whole);
    LACKS(console_output, "% ");
    native_type("\r\r");
    sessions[LINE_CONSOLE].privileged = true; /* nobody knows the secret of that hash */
    HAS(native_type("write memory\r"), "[OK]");
    memcpy(first, native_nvram, native_nvram_size);
    first[native_nvram_size] = 0;
    for (const char *line = "description to R1\0description Switch Card\0switchport access vlan 2\0timers basic 5 30 0 "
                            "50\0passive-interface Vlan2\0"
                            "default-information originate\0ip route 9.0.0.0 255.0.0.0 FastEthernet0/0 10.1.2.3 5\0ip "
                            "route 8.0.0.0 255.0.0.0 Null0\0"
                            "password x y\0privilege level 15\0no ip domain lookup\0exec-timeout 0 0\0";
         *line; line += strlen(line) + 1)
        HAS(first, line);
    native_boot(first);
    CHECK(config_save_startup());
    CHECK(native_nvram_size == strlen(first) && !memcmp(first, native_nvram, native_nvram_size));
    CHECK(interface_is_up(interface_find(VLAN, 0, 2)) && !interface_is_up(interface_find(FASTETHERNET, 0, 1)));
}

/* What was saved, loaded and saved again is the same: else a restart would change the router. */
static void check_round_trip(const char *startup)
{
    static char first[16384];

    native_boot(startup);
    CHECK(config_save_startup());
    memcpy(first, native_nvram, native_nvram_size);
    first[native_nvram_size] = 0;
    native_boot(first);
    CHECK(config_save_startup());
    CHECK(native_nvram_size == strlen(first) && !memcmp(first, native_nvram, native_nvram_size));
}

static void test_odd_texts_survive(void)
{
    static char banner[1024] = "banner motd #";

    check_round_trip("banner motd #a\n^C and \007\003 b\n#\nhostname After\nend\n");
    CHECK(!strcmp(config.hostname, "After"));
    check_round_trip("banner motd # first \365\nsecond   \n#\nend\n");
    check_round_trip("line con 0\n password 0 0 x\nend\n");
    CHECK(!strcmp(config.lines[LINE_CONSOLE].password, "0 x"));
    memset(banner + strlen(banner), 'x', 240);
    strcat(banner, "\n");
    memset(banner + strlen(banner), 'y', 253);
    strcat(banner, "#\nhostname After\nend\n");
    check_round_trip(banner);
    CHECK(!strcmp(config.hostname, "After"));
    check_round_trip("interface FastEthernet0/0\n description \t tab \001 and more   \nend\n");
}

static void test_startup_flaps_nothing(void)
{
    native_boot(
        "interface FastEthernet0/0\n shutdown\ninterface FastEthernet0/1\n ip address 10.1.2.1 255.255.255.0\nend\n");
    LACKS(console_output, "FastEthernet0/0");
    HAS(console_output, "Line protocol on Interface FastEthernet0/1, changed state to up");
}

static void test_ios_boilerplate(void)
{
    /* What IOS 12.4 writes of itself: nothing of it may be complained about, or a console would be full at each boot.
     */
    native_boot("!\nversion 12.4\nservice timestamps debug datetime msec\nservice timestamps log datetime msec\nno "
                "service password-encryption\n!\n"
                "hostname R1\n!\nboot-start-marker\nboot-end-marker\n!\nno aaa new-model\nmemory-size iomem 5\nno ip "
                "icmp rate-limit unreachable\n"
                "ip cef\n!\nno ip domain lookup\nip auth-proxy max-nodata-conns 3\nip admission max-nodata-conns "
                "3\n!\nmultilink bundle-name authenticated\n"
                "ip tcp synwait-time 5\n!\ninterface FastEthernet0/0\n ip address 10.1.1.1 255.255.255.0\n no ip "
                "directed-broadcast\n no ip proxy-arp\n"
                " duplex auto\n speed auto\n no mop enabled\n!\nip forward-protocol nd\nip classless\n!\nno ip http "
                "server\nno ip http secure-server\n!\n"
                "no cdp log mismatch duplex\n!\ncontrol-plane\n!\nline con 0\n exec-timeout 0 0\n privilege level 15\n "
                "logging synchronous\n stopbits 1\n"
                "line aux 0\n exec-timeout 0 0\n stopbits 1\nline vty 0 4\n password v\n login\n transport input "
                "all\n!\n!\nend\n");
    LACKS(console_output, "% ");
    HAS(native_type("\r\rshow run | section line\r"), "line vty 0 4\r\n password v\r\n login\r\n");
    CHECK(interface_is_up(interface_find(FASTETHERNET, 0, 0)) && !config.lines[LINE_CONSOLE].login);
}

static void test_startup_complaints(void)
{
    native_boot("interface FastEthernet0/0\n ip address 10.1.1.1 255.255.255.0\ninterface FastEthernet7/0\n ip address "
                "10.7.7.7 255.255.255.0\n"
                "frobnicate\nrouter ospf 1\nend\nhostname Late\n");
    HAS(console_output, "interface FastEthernet7/0\r\n");
    HAS(console_output, "frobnicate\r\n");
    HAS(console_output, "% Not in this lab router");
    CHECK(interface_find(FASTETHERNET, 0, 0)->address ==
          ip("10.1.1.1"));               /* not overwritten by lines of an interface that is not there */
    HAS(native_type("\r\r"), "Router>"); /* nothing after `end` */
}

static void test_write_erase_and_reload(void)
{
    native_boot(two_networks);
    native_type("\r\ren\r");
    HAS(native_type("copy run start\r\r"),
        "Destination filename [startup-config]? \r\nBuilding configuration...\r\n[OK]\r\nR1#");
    HAS(native_type("show start\r"), "Using ");
    native_type("q");
    HAS(native_type("write erase\r\r"), "[OK]\r\nErase of nvram: complete\r\nR1#");
    CHECK(native_nvram_size == 0);
    HAS(native_type("show startup-config\r"), "startup-config is not present");
    restarts = 0;
    HAS(native_type("reload\rno\r"), "Save? [yes/no]: ");
    CHECK(restarts == 0);
    native_type("n\r");
    CHECK(restarts == 0);
    native_type("reload\ryes\r\r");
    CHECK(restarts == 1 && native_nvram_size > 0);
}

static void test_interface_rules(void)
{
    native_boot(two_networks);
    native_type("\r\ren\rconf t\rint f1/0\r");
    HAS(native_type("ip address 10.1.1.77 255.255.255.0\r"), "% 10.1.1.0 overlaps with FastEthernet0/0");
    HAS(native_type("ip address 10.3.3.0 255.255.255.0\r"), "Bad mask /24 for address 10.3.3.0");
    HAS(native_type("ip address 224.0.0.9 255.255.255.0\r"), "Not a valid host address");
    HAS(native_type("ip address 10.3.3.3 255.0.255.0\r"), "^\r\n% Invalid input");
    HAS(native_type("ip address 10.3.3.3 255.255.255.0 secondary\r"), "% Not in this lab router");
    HAS(native_type("switchport access vlan 2\rip address 10.3.3.3 255.255.255.0\r"),
        "% IP addresses may not be configured on L2 links.");
    HAS(native_type("int f0/1\rswitchport access vlan 3\r"), "% Not in this lab router");
    HAS(native_type("int vlan 2\rip address 10.3.3.3 255.255.255.0\rint f1/0\rno shut\r"),
        "%LINEPROTO-5-UPDOWN: Line protocol on Interface Vlan2, changed state to up");
    HAS(native_type("do sh int vlan 2\r"), "Carried by FastEthernet1/0, as a routed port");
    HAS(native_type("no int vlan 2\rdo sh ip int br\r"), "FastEthernet1/0");
    LACKS(console_output, "Vlan2 ");
    HAS(native_type("no interface f0/0\r"), "% Invalid input");
}

/* ---- packets ---- */

static void test_arp(void)
{
    native_boot(two_networks);
    sent_count = 0;
    arp_from_peer(0, "10.1.1.9", "10.1.1.1", 1);
    CHECK(sent_count == 1 && last_sent()->port == 0 && get16(last_sent()->data + 20) == 2);
    CHECK(!memcmp(last_sent()->data, peer_mac, 6) && !memcmp(last_sent()->data + 22, port_macs[0], 6) &&
          last_sent()->size == 60);
    HAS(native_type("\r\ren\rshow arp\r"),
        "Internet  10.1.1.9                0   0200.0000.0099  ARPA   FastEthernet0/0");
    sent_count = 0;
    arp_from_peer(0, "10.9.9.9", "10.1.1.1", 1); /* not on this network */
    arp_from_peer(0, "10.1.1.8", "10.1.1.7", 1); /* not about us, and not known */
    CHECK(sent_count == 0);
    LACKS(native_type("show arp\r"), "10.1.1.8");
    native_run(4 * 3600 * 1000 - 30000);
    CHECK(sent_count >= 1 && !memcmp(last_sent()->data, peer_mac, 6)); /* asked again before it ages out */
    native_run(60000);
    LACKS(native_type("\r\rshow arp\r"), "10.1.1.9");
}

static void test_arp_waits_and_gives_up(void)
{
    native_boot(two_networks);
    arp_from_peer(0, "10.1.1.9", "10.1.1.1", 1);
    sent_count = 0;
    echo_from_peer(0, "10.1.1.9", "10.1.2.5", 64);
    echo_from_peer(0, "10.1.1.9", "10.1.2.5", 63);
    CHECK(sent_count == 1 && last_sent()->port == 1 && get16(last_sent()->data + 12) == 0x0806);
    arp_from_peer(1, "10.1.2.5", "10.1.2.1", 2);
    CHECK(sent_count == 3 && sent[1].data[14 + 8] == 63 && sent[2].data[14 + 8] == 62); /* in order, one hop less */
    CHECK(checksum(sent[1].data + 14, 20) == 0 && !memcmp(sent[1].data + 6, port_macs[1], 6));
    sent_count = 0;
    echo_from_peer(0, "10.1.1.9", "10.1.2.6", 64);
    native_run(5000);
    CHECK(sent_count == 4); /* three questions, then: host unreachable */
    CHECK(last_sent()->port == 0 && last_sent()->data[34] == 3 && last_sent()->data[35] == 1);
}

static void test_icmp(void)
{
    native_boot(two_networks);
    arp_from_peer(0, "10.1.1.9", "10.1.1.1", 1);
    sent_count = 0;
    echo_from_peer(0, "10.1.1.9", "10.1.1.1", 64);
    CHECK(sent_count == 1 && last_sent()->data[34] == 0 && last_sent()->data[14 + 8] == 255);
    CHECK(!memcmp(last_sent()->data + 42, "data", 4) && checksum(last_sent()->data + 34, 16) == 0);
    echo_from_peer(0, "10.1.1.9", "10.1.2.1", 1); /* the other interface's address is ours too, whatever the TTL */
    CHECK(sent_count == 2 && last_sent()->data[34] == 0);
    echo_from_peer(0, "10.1.1.9", "10.1.2.5", 1);
    CHECK(sent_count == 3 && last_sent()->data[34] == 11 && get32(last_sent()->data + 26) == ip("10.1.1.1"));
    echo_from_peer(0, "10.1.1.9", "99.0.0.1", 64);
    CHECK(sent_count == 4 && last_sent()->data[34] == 3 && last_sent()->data[35] == 1);
    CHECK(get32(last_sent()->data + 42 + 16) == ip("99.0.0.1")); /* quotes the packet */
    echo_from_peer(0, "10.1.1.9", "10.1.1.255", 64);
    echo_from_peer(0, "10.1.1.9", "224.0.0.5", 64);
    echo_from_peer(0, "10.1.1.255", "99.0.0.1", 64);
    echo_from_peer(0, "127.0.0.1", "10.1.1.1", 64);
    CHECK(sent_count == 4);
    for (int i = 0; i < 100; i++)
        echo_from_peer(0, "10.1.1.9", "99.0.0.1", 64);
    CHECK(sent_count < 30); /* errors are limited */
}

static void test_ports_and_bad_packets(void)
{
    uint8_t frame[FRAME_MAX], udp[12] = {0x30, 0x39, 0x30, 0x39, 0, 12}, tcp[20] = {0x30, 0x39, 0, 23, 0, 0, 0, 5};
    size_t size;

    native_boot(two_networks);
    arp_from_peer(0, "10.1.1.9", "10.1.1.1", 1);
    sent_count = 0;
    native_frame(0, frame, build_ip(frame, 0, "10.1.1.9", "10.1.1.1", 17, 64, udp, sizeof udp));
    CHECK(sent_count == 1 && last_sent()->data[34] == 3 && last_sent()->data[35] == 3);
    tcp[12] = 0x50;
    tcp[13] = 2; /* SYN */
    put16(tcp + 16, ipv4_transport_checksum(ip("10.1.1.9"), ip("10.1.1.1"), 6, tcp, sizeof tcp));
    native_frame(0, frame, build_ip(frame, 0, "10.1.1.9", "10.1.1.1", 6, 64, tcp, sizeof tcp));
    CHECK(sent_count == 2 && last_sent()->data[34 + 13] == 0x14 && get32(last_sent()->data + 34 + 8) == 6);
    CHECK(ipv4_transport_checksum(ip("10.1.1.1"), ip("10.1.1.9"), 6, last_sent()->data + 34, 20) == 0);
    size = build_ip(frame, 0, "10.1.1.9", "10.1.1.1", 17, 64, udp, sizeof udp);
    frame[24] ^= 1; /* header checksum */
    native_frame(0, frame, size);
    build_ip(frame, 0, "10.1.1.9", "10.1.1.1", 17, 64, udp, sizeof udp);
    native_frame(0, frame, size - 1); /* shorter than it says */
    native_frame(0, frame, 20);
    native_frame(0, frame, 3);
    frame[0] ^= 2; /* for somebody else */
    native_frame(0, frame, size);
    CHECK(sent_count == 2);
}

static void test_ping_and_traceroute(void)
{
    uint8_t frame[FRAME_MAX], reply[100], error[64];

    native_boot(two_networks);
    native_type("\r\ren\r");
    arp_from_peer(0, "10.1.1.9", "10.1.1.1", 1);
    sent_count = 0;
    HAS(native_type("ping 10.1.1.9 repeat 2\r"),
        "Sending 2, 100-byte ICMP Echos to 10.1.1.9, timeout is 2 seconds:\r\n");
    native_run(20);
    CHECK(sent_count >= 1 && sent[0].data[14 + 8] == 255 && get16(sent[0].data + 16) == 100);
    native_run(20);
    memcpy(reply, sent[0].data + 34, 80);
    reply[0] = 0;
    put16(reply + 2, 0);
    put16(reply + 2, checksum(reply, 80));
    native_frame(0, frame, build_ip(frame, 0, "10.1.1.9", "10.1.1.1", 1, 64, reply, 80));
    native_run(5000);
    HAS(console_output, "!.\r\nSuccess rate is 50 percent (1/2), round-trip min/avg/max = ");
    HAS(native_type("ping 99.9.9.9\r"), "Type escape sequence");
    native_run(100);
    HAS(console_output, ".....\r\nSuccess rate is 0 percent (0/5)\r\nR1#");
    HAS(native_type("ping 10.1.1.8\r"), "timeout");
    native_type("\036"); /* escape */
    HAS(console_output, "Success rate is 0 percent");
    HAS(native_type("ping nowhere\r"), "% Unrecognized host or address");
    sent_count = 0;
    native_type("traceroute 10.1.1.9\r");
    for (int i = 0; i < 3; i++) {
        native_run(20);
        memset(error, 0, sizeof error);
        error[0] = 3;
        error[1] = 3;
        memcpy(error + 8, last_sent()->data + 14, 28);
        put16(error + 2, checksum(error, 36));
        native_frame(0, frame, build_ip(frame, 0, "10.1.1.9", "10.1.1.1", 1, 64, error, 36));
    }
    native_run(40);
    HAS(console_output, "  1 10.1.1.9 ");
    HAS(console_output, "msec\r\n\r\nR1#");
}

/* ---- routes ---- */

static void test_static_routes(void)
{
    struct next_hop hop;

    native_boot(two_networks);
    native_type("\r\ren\rterm len 0\rconf t\r");
    native_type("ip route 0.0.0.0 0.0.0.0 10.1.1.254\rip route 172.16.0.0 255.255.0.0 10.1.2.254\rip route 172.16.5.0 "
                "255.255.255.0 192.168.1.1\r");
    native_type("ip route 192.168.1.0 255.255.255.0 10.1.2.7\rip route 8.8.0.0 255.255.0.0 Null0\r");
    CHECK(route_lookup(ip("4.4.4.4"), &hop) && hop.address == ip("10.1.1.254"));
    CHECK(route_lookup(ip("172.16.9.9"), &hop) && hop.address == ip("10.1.2.254"));
    CHECK(route_lookup(ip("172.16.5.1"), &hop) && hop.address == ip("10.1.2.7")); /* by another static route */
    CHECK(route_lookup(ip("8.8.8.8"), &hop) && hop.interface->type == NULL_INTERFACE);
    HAS(native_type("do show ip route\r"),
        "Gateway of last resort is 10.1.1.254 to network 0.0.0.0\r\n\r\nS*   0.0.0.0/0 [1/0] via 10.1.1.254\r\n");
    HAS(console_output,
        "     172.16.0.0/16 is variably subnetted, 2 subnets, 2 masks\r\nS       172.16.0.0/16 [1/0] via 10.1.2.254\r\n"
        "S       172.16.5.0/24 [1/0] via 192.168.1.1\r\n");
    HAS(console_output, "S    192.168.1.0/24 [1/0] via 10.1.2.7\r\n");
    HAS(console_output,
        "     10.0.0.0/24 is subnetted, 2 subnets\r\nC       10.1.1.0 is directly connected, FastEthernet0/0\r\n");
    HAS(native_type("ip route 172.16.0.1 255.255.0.0 10.1.2.254\r"), "%Inconsistent address and mask");
    HAS(native_type("no ip route 1.0.0.0 255.0.0.0 10.1.2.254\r"), "%No matching route to delete");
    native_type("no ip route 0.0.0.0 0.0.0.0\rint f0/1\rshut\r");
    CHECK(!route_lookup(ip("4.4.4.4"), &hop) && !route_lookup(ip("172.16.9.9"), &hop));
    HAS(native_type("do show ip route 10.1.1.77\r"), "Routing entry for 10.1.1.0/24\r\n  Known via \"connected\"");
    HAS(native_type("do show ip route 99.1.1.1\r"), "% Network not in table");
    native_type("ip route 7.0.0.0 255.0.0.0 7.0.0.1\rip route 7.0.0.0 255.128.0.0 7.0.0.2\r"); /* through themselves */
    CHECK(!route_lookup(ip("7.1.1.1"), &hop));
}

/* ---- RIP ---- */

static const char with_rip[] = "hostname R1\n"
                               "interface FastEthernet0/0\n ip address 10.1.1.1 255.255.255.0\n"
                               "interface FastEthernet0/1\n ip address 10.1.2.1 255.255.255.0\n"
                               "router rip\n version 2\n network 10.0.0.0\nend\n";

struct entry {
    const char *prefix, *mask;
    uint32_t metric;
};

static void rip_from_peer(unsigned port, const char *from, uint8_t command, const struct entry *entries, size_t count)
{
    uint8_t frame[FRAME_MAX], udp[8 + 4 + 20 * 25] = {2, 8, 2, 8};
    size_t size = 12 + 20 * count, whole;

    put16(udp + 4, (uint16_t)size);
    udp[8] = command;
    udp[9] = 2;
    for (size_t i = 0; i < count; i++) {
        put16(udp + 12 + 20 * i, entries[i].prefix ? 2 : 0);
        put32(udp + 12 + 20 * i + 4, entries[i].prefix ? ip(entries[i].prefix) : 0);
        put32(udp + 12 + 20 * i + 8, entries[i].mask ? ip(entries[i].mask) : 0);
        put32(udp + 12 + 20 * i + 16, entries[i].metric);
    }
    put16(udp + 6, ipv4_transport_checksum(ip(from), RIP_GROUP, 17, udp, size));
    whole = build_ip(frame, port, from, "224.0.0.9", 17, 1, udp, size);
    memcpy(frame, (const uint8_t[]){1, 0, 0x5e, 0, 0, 9}, 6);
    native_frame(port, frame, whole);
}

/* The metric that a route was last sent with by a port since sent_count was 0; 0: it was not. */
static uint32_t sent_metric(unsigned port, const char *prefix)
{
    uint32_t metric = 0;

    for (unsigned i = 0; i < sent_count; i++) {
        const uint8_t *packet = sent[i].data;
        if (sent[i].port != port || get16(packet + 12) != 0x0800 || packet[23] != 17 || get16(packet + 36) != 520 ||
            packet[42] != 2)
            continue;
        CHECK(ipv4_transport_checksum(get32(packet + 26), get32(packet + 30), 17, packet + 34, get16(packet + 38)) ==
              0);
        for (size_t at = 46; at + 20 <= 34u + get16(packet + 38); at += 20)
            if (get32(packet + at + 4) == ip(prefix))
                metric = get32(packet + at + 16);
    }
    return metric;
}

static void test_rip_tells(void)
{
    native_boot(with_rip);
    CHECK(sent_count >= 2);
    bool asked = false;
    for (unsigned i = 0; i < sent_count; i++)
        asked |= get32(sent[i].data + 30) == RIP_GROUP && sent[i].data[42] == 1 && sent[i].data[22] == 1 &&
                 sent[i].data[0] == 1;
    CHECK(asked); /* a request to 224.0.0.9, multicast MAC, TTL 1 */
    sent_count = 0;
    native_run(1000);
    CHECK(sent_metric(0, "10.1.2.0") == 1 && sent_metric(1, "10.1.1.0") == 1 && sent_metric(0, "10.1.1.0") == 0);
    sent_count = 0;
    native_run(24000);
    CHECK(sent_metric(0, "10.1.2.0") == 0);
    native_run(7000);
    CHECK(sent_metric(0, "10.1.2.0") == 1); /* every 30 s, less at most 15 % */
}

static void test_rip_learns(void)
{
    static const struct entry routes[] = {
        {"192.168.10.0", "255.255.255.0", 1}, {"172.16.0.0", "255.255.0.0", 15}, {"0.0.0.0", "0.0.0.0", 2},
        {"10.1.2.0", "255.255.255.0", 1},     {"127.0.0.0", "255.0.0.0", 1},     {"9.0.0.0", "255.0.255.0", 1},
        {"9.1.1.1", "255.255.255.0", 1},      {"224.1.0.0", "255.255.0.0", 1},   {"11.0.0.0", "255.0.0.0", 16},
        {"12.0.0.0", "255.0.0.0", 0},         {"13.0.0.0", "255.0.0.0", 17}};
    struct next_hop hop;

    native_boot(with_rip);
    native_run(1000);
    sent_count = 0;
    rip_from_peer(0, "10.1.1.2", 2, routes, ARRAY_SIZE(routes));
    native_run(100);
    CHECK(route_lookup(ip("192.168.10.9"), &hop) && hop.address == ip("10.1.1.2"));
    CHECK(sent_metric(1, "192.168.10.0") == 2);  /* at once, one further */
    CHECK(sent_metric(0, "192.168.10.0") == 16); /* poisoned reverse */
    CHECK(sent_metric(1, "172.16.0.0") == 16);   /* 15 is as far as it goes */
    HAS(native_type("\r\rshow ip route rip\r"),
        "R    192.168.10.0/24 [120/1] via 10.1.1.2, 00:00:00, FastEthernet0/0\r\n");
    HAS(console_output, "R*   0.0.0.0/0 [120/2] via 10.1.1.2");
    LACKS(console_output, "10.1.2.0");
    for (const char *bad = "127.0.0.0\0009.\00011.0\00012.0\00013.0\000224.1\0"; *bad; bad += strlen(bad) + 1) {
        char expected[40];
        snprintf(expected, sizeof expected, "R    %s", bad);
        LACKS(console_output, expected);
    }
    HAS(native_type("show ip rip database\r"),
        "192.168.10.0/24    auto-summary\r\n192.168.10.0/24\r\n    [1] via 10.1.1.2, ");
    HAS(native_type("terminal length 0\rshow ip protocols\r"), "    10.1.1.2             120      00:00:00");
    rip_from_peer(0, "10.9.9.9", 2, &(struct entry){"55.0.0.0", "255.0.0.0", 1}, 1); /* not a neighbour */
    CHECK(!route_lookup(ip("55.1.1.1"), &hop) || hop.address != ip("10.9.9.9"));
    LACKS(native_type("show ip route\r"), "55.0.0.0");
}

static void test_rip_forgets(void)
{
    static const struct entry up[] = {{"192.168.10.0", "255.255.255.0", 1}},
                              down[] = {{"192.168.10.0", "255.255.255.0", 16}},
                              worse[] = {{"192.168.10.0", "255.255.255.0", 5}};
    struct next_hop hop;

    native_boot(with_rip);
    native_run(1000);
    rip_from_peer(0, "10.1.1.2", 2, up, 1);
    rip_from_peer(1, "10.1.2.2", 2, worse, 1); /* worse: not taken */
    CHECK(route_lookup(ip("192.168.10.9"), &hop) && hop.address == ip("10.1.1.2"));
    native_run(6000);
    sent_count = 0;
    rip_from_peer(0, "10.1.1.2", 2, down, 1);
    native_run(100);
    CHECK(!route_lookup(ip("192.168.10.9"), &hop));
    CHECK(sent_metric(1, "192.168.10.0") == 16); /* told at once */
    HAS(native_type("\r\rshow ip route rip\r"), "192.168.10.0/24 is possibly down,");
    rip_from_peer(1, "10.1.2.2", 2, worse, 1); /* held down */
    CHECK(!route_lookup(ip("192.168.10.9"), &hop));
    rip_from_peer(0, "10.1.1.2", 2, up, 1); /* its own gateway has it again */
    CHECK(route_lookup(ip("192.168.10.9"), &hop));
    native_run(179000);
    CHECK(route_lookup(ip("192.168.10.9"), &hop));
    native_run(2000);
    CHECK(!route_lookup(ip("192.168.10.9"), &hop)); /* invalid after 180 s of silence */
    HAS(native_type("\r\rshow ip rip database\r"), "192.168.10.0/24 is possibly down");
    native_run(60000);
    LACKS(native_type("show ip rip database\r"), "192.168.10.0"); /* flushed after 240 */
}

static void test_rip_interface_down(void)
{
    static const struct entry up[] = {{"192.168.10.0", "255.255.255.0", 1}};
    struct next_hop hop;

    native_boot(with_rip);
    native_run(1000);
    rip_from_peer(0, "10.1.1.2", 2, up, 1);
    native_run(6000);
    sent_count = 0;
    native_type("\r\ren\rconf t\rint f0/0\rshut\r");
    native_run(100);
    CHECK(sent_metric(1, "10.1.1.0") == 16 && sent_metric(1, "192.168.10.0") == 16);
    CHECK(!route_lookup(ip("192.168.10.9"), &hop));
    sent_count = 0;
    native_type("no shut\r");
    native_run(500);
    CHECK(sent_metric(1, "10.1.1.0") == 1);
    sent_count = 0;
    native_run(6000);
    native_type("router rip\rno network 10.0.0.0\r");
    native_run(500);
    sent_count = 0;
    native_type("network 10.0.0.0\rpassive-interface f0/1\rdefault-information originate\r");
    native_run(1000);
    CHECK(sent_metric(0, "10.1.2.0") == 1 && sent_metric(0, "0.0.0.0") == 1 && sent_metric(1, "10.1.1.0") == 0);
    sent_count = 0;
    native_type("exit\rno router rip\r");
    CHECK(sent_metric(0, "10.1.2.0") == 16);
    native_run(60000);
    CHECK(sent_metric(0, "10.1.1.0") == 0);
}

static void test_rip_requests(void)
{
    static const struct entry everything[] = {{NULL, NULL, 16}},
                              some[] = {{"10.1.2.0", "255.255.255.0", 1}, {"99.0.0.0", "255.0.0.0", 1}};

    native_boot(with_rip);
    native_run(1000);
    arp_from_peer(0, "10.1.1.2", "10.1.1.1", 1);
    sent_count = 0;
    rip_from_peer(0, "10.1.1.2", 1, everything, 1);
    CHECK(sent_count == 1 && get32(sent[0].data + 30) == ip("10.1.1.2") && sent_metric(0, "10.1.2.0") == 1);
    sent_count = 0;
    rip_from_peer(0, "10.1.1.2", 1, some, 2);
    CHECK(sent_metric(0, "10.1.2.0") == 1 && sent_metric(0, "99.0.0.0") == 16);
}

static void test_rip_many_routes(void)
{
    struct entry entries[25];
    char names[25][40];
    unsigned packets = 0;

    native_boot(with_rip);
    native_run(1000);
    for (int part = 0; part < 12; part++) { /* 300 offered: more than the table holds, and more than one packet */
        for (int i = 0; i < 25; i++) {
            snprintf(names[i], sizeof names[i], "172.%d.%d.0", 16 + part, i);
            entries[i] = (struct entry){names[i], "255.255.255.0", 1};
        }
        rip_from_peer(0, "10.1.1.2", 2, entries, 25);
    }
    sent_count = 0;
    native_run(6000);
    for (unsigned i = 0; i < sent_count; i++)
        packets += sent[i].port == 1 && sent[i].data[23] == 17;
    CHECK(packets >= 11);
    HAS(native_type("\r\rterminal length 0\rshow ip route\r"), "R       172.20.7.0 [120/1] via 10.1.1.2");
    LACKS(console_output, "does not fit");
}

static void test_vlan_port(void)
{
    uint8_t frame[FRAME_MAX], echo[8] = {8, 0, 0xf7, 0xff};

    native_boot("interface FastEthernet1/0\n switchport access vlan 2\ninterface Vlan2\n ip address 10.1.1.2 "
                "255.255.255.0\nend\n");
    sent_count = 0;
    arp_from_peer(2, "10.1.1.9", "10.1.1.2", 1);
    CHECK(sent_count == 1 && last_sent()->port == 2 &&
          !memcmp(last_sent()->data + 22, port_macs[0], 6)); /* Vlan2 has the base MAC */
    build_ip(frame, 0, "10.1.1.9", "10.1.1.2", 1, 64, echo, sizeof echo);
    native_frame(2, frame, 42);
    CHECK(sent_count == 2 && last_sent()->port == 2 && last_sent()->data[34] == 0);
    native_type("\r\ren\rconf t\rint vlan 2\rshut\r");
    native_frame(2, frame, 42);
    CHECK(sent_count == 2);
}

static void test_switch_card(void)
{
    uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t start[6] = {0, 1, 8, 0, 6, 4};

    native_switch = true;
    native_boot("interface FastEthernet2/0\n switchport access vlan 2\ninterface FastEthernet2/1\n switchport mode "
                "access\n switchport access vlan 2\n"
                "interface FastEthernet2/15\n shutdown\ninterface Vlan2\n ip address 10.1.1.2 255.255.255.0\nend\n");
    LACKS(console_output, "% ");
    CHECK(native_switch_vlans[0] == 2 && native_switch_vlans[1] == 2 && native_switch_vlans[2] == 1 &&
          native_switch_vlans[15] == 0);
    sent_count = 0;
    memcpy(arp + 6, peer_mac, 6);
    put16(arp + 12, 0x0806);
    memcpy(arp + 14, start, 6);
    put16(arp + 20, 1);
    memcpy(arp + 22, peer_mac, 6);
    put32(arp + 28, ip("10.1.1.9"));
    put32(arp + 38, ip("10.1.1.2"));
    native_switched_frame(1, 2, arp, sizeof arp);
    CHECK(sent_count == 1 && last_sent()->port == 102 && get16(last_sent()->data + 20) == 2);
    native_switched_frame(3, 1, arp, sizeof arp); /* another VLAN */
    CHECK(sent_count == 1);
    native_type("\r\ren\rterminal length 0\r");
    HAS(native_type("show ip interface brief\r"),
        "Vlan1                      unassigned      YES unset  administratively down down");
    HAS(native_type("show interfaces vlan 2\r"), "Carried by the switch in slot 2");
    HAS(native_type("show vlan-switch brief\r"), "2    VLAN0002                         active    Fa2/0, Fa2/1\r\n");
    HAS(native_type("show running-config\r"),
        "interface FastEthernet2/1\r\n switchport access vlan 2\r\n!\r\ninterface FastEthernet2/2\r\n!\r\n");
    native_type("conf t\rinterface f2/0\rshutdown\r");
    CHECK(native_switch_vlans[0] == 0 && interface_is_up(interface_find(VLAN, 0, 2)));
    HAS(native_type("interface f2/1\rno switchport access vlan\r"), "Interface Vlan2, changed state to down");
    CHECK(native_switch_vlans[1] == 1);
    HAS(native_type("ip address 10.4.4.4 255.255.255.0\r"), "% IP addresses may not be configured on L2 links.");
    native_type("end\rwrite memory\r");
    check_round_trip("interface FastEthernet2/3\n switchport access vlan 7\n description x\ninterface "
                     "FastEthernet2/4\n shutdown\ninterface Vlan7\n"
                     " ip address 10.7.7.7 255.255.255.0\nend\n");
    native_switch = false;
}

static void test_debug(void)
{
    native_boot(with_rip);
    native_type("\r\ren\rdebug ip rip\rdebug ip icmp\r");
    native_run(60000);
    HAS(console_output, "RIP: sending v2 update to 224.0.0.9 via FastEthernet0/0 (10.1.1.1)");
    arp_from_peer(0, "10.1.1.9", "10.1.1.1", 1);
    echo_from_peer(0, "10.1.1.9", "10.1.1.1", 64);
    HAS(console_output, "ICMP: echo reply sent, src 10.1.1.1, dst 10.1.1.9");
    HAS(native_type("undebug all\r"), "All possible debugging has been turned off");
    HAS(native_type("show users\r"), "*  0 con 0");
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } tests[] = {
#define TEST(name) {#name, test_##name}
        TEST(text),
        TEST(sha256),
        TEST(abbreviations_and_errors),
        TEST(help_and_completion),
        TEST(line_editor),
        TEST(paging_and_filters),
        TEST(passwords),
        TEST(banner),
        TEST(configuration_survives),
        TEST(odd_texts_survive),
        TEST(startup_flaps_nothing),
        TEST(ios_boilerplate),
        TEST(startup_complaints),
        TEST(write_erase_and_reload),
        TEST(interface_rules),
        TEST(arp),
        TEST(arp_waits_and_gives_up),
        TEST(icmp),
        TEST(ports_and_bad_packets),
        TEST(ping_and_traceroute),
        TEST(static_routes),
        TEST(rip_tells),
        TEST(rip_learns),
        TEST(rip_forgets),
        TEST(rip_interface_down),
        TEST(rip_requests),
        TEST(rip_many_routes),
        TEST(vlan_port),
        TEST(switch_card),
        TEST(debug),
    };

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        test_name = tests[i].name;
        tests[i].run();
    }
    printf("%zu tests, %u checks, %u failed\n", ARRAY_SIZE(tests), checks, failures);
    return failures != 0;
}
