/* The machine of the unit tests and fuzzers: time stands still unless told, ports are queues, NVRAM is an array. */
#ifndef BOARD_NATIVE_H
#define BOARD_NATIVE_H

#include "board.h"

#define SENT_FRAMES 256

struct sent_frame {
    unsigned port;
    size_t size;
    uint8_t data[FRAME_MAX];
};

extern struct sent_frame sent[SENT_FRAMES];
extern unsigned sent_count;
extern char console_output[262144]; /* of LINE_CONSOLE, since native_type() or native_boot() */
extern unsigned restarts;
extern bool native_switch; /* a switch card in slot 2, from the next boot on */
extern uint32_t native_switch_vlans[16];

extern char native_nvram[16384];
extern size_t native_nvram_size;

/* A router with FastEthernet0/0, 0/1 and 1/0, and this startup-config ("" for none), after its first poll. */
void native_boot(const char *startup_config);
/* Passes time in steps of 20 ms, polling. */
void native_run(uint32_t milliseconds);
/* Types at the console and returns what it answered. */
const char *native_type(const char *keys);
/* A frame comes in by a port, and what it leads to is done. */
void native_frame(unsigned port, const uint8_t *frame, size_t size);
/* One from the switch; what the router sends to it is in `sent`, as port 100 + VLAN. */
void native_switched_frame(unsigned unit, uint32_t vlan, const uint8_t *frame, size_t size);

#endif
