/* The border between the router and the machine that it runs on. board_c37xx.c is Dynamips' c2691, c3725 and c3745; the
 * unit tests have a machine of their own. Nothing above this line touches a register. */
#ifndef BOARD_H
#define BOARD_H

#include "bytes.h"

#define FRAME_MAX 1514 /* Ethernet header and 1500 bytes, without the checksum */
#define FRAME_MIN 60

enum { LINE_CONSOLE, LINE_AUX, LINE_COUNT };

struct board {
    const char *model; /* "3725" */
    unsigned ram_mib;
    unsigned nvram_kib;
    unsigned config_register;
    uint8_t base_mac[6];
};

extern struct board board;

/* Milliseconds since start, in steps of the 4 ms tick. Wraps after 49 days: compare with time_after(). */
uint32_t clock_ms(void);
uint32_t clock_seconds(void); /* uptime; does not wrap in a lifetime */

static inline bool time_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* -1: nothing typed. */
int line_get(int line);
void line_put(int line, const char *data, size_t size);

/* Ports: a number is an index that ports_probe() gave. The frame is copied; false: no room, the frame is dropped. */
bool port_send(unsigned port, const uint8_t *frame, size_t size);
/* Size of the next received frame (checksum cut off) copied into `frame`, 0: none. */
size_t port_receive(unsigned port, uint8_t frame[FRAME_MAX]);

/* Cards with a switch, by slot: frames without a tag, and the VLAN that they are in. `unit`: the port that one came in
 * by. */
void switch_set_port(unsigned slot, unsigned unit, uint32_t vlan); /* 0: shut */
bool switch_send(unsigned slot, uint32_t vlan, const uint8_t *frame, size_t size);
size_t switch_receive(unsigned slot, uint8_t frame[FRAME_MAX], uint32_t *vlan, unsigned *unit);

/* Startup-config as text. load: length, 0 if there is none or it is not sound. save: false if it does not fit; size 0
 * erases. */
size_t nvram_load(char *text, size_t size);
bool nvram_save(const char *text, size_t size);

void board_restart(void);

#endif
