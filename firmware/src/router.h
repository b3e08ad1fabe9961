/* The router as a whole, for whoever drives it: the board's main loop, or a test. */
#ifndef ROUTER_H
#define ROUTER_H

#include "board.h"

/* `add_ports` calls interface_add_port() for each port: after the greeting, before startup-config. */
void router_start(void (*add_ports)(void));
/* All that is due: frames, timers, keys. Called after every event and at least some 30 times a second. */
void router_poll(void);

#endif
