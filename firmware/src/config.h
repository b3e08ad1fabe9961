/* The configuration that is not an interface's, a route's or RIP's, and all of it as text. */
#ifndef CONFIG_H
#define CONFIG_H

#include "board.h"
#include "sha256.h"
#include "text.h"

#define CONFIG_TEXT_SIZE 16384
#define BANNER_SIZE 2048

struct line_config {
    char password[65];
    bool login;
    bool privileged;    /* privilege level 15 */
    bool synchronous;   /* logging synchronous: accepted and kept; messages never break what is typed */
    uint32_t timeout_s; /* exec-timeout; 0: never */
    bool timeout_set;
};

struct config {
    char hostname[64];
    char enable_secret[SECRET_TEXT_SIZE];
    char banner[BANNER_SIZE];
    bool no_domain_lookup; /* as typed: names are never looked up */
    bool timestamps;       /* likewise: messages always carry one */
    bool vty_seen;         /* `line vty` is kept, so that nothing typed is lost, but nobody can come in by it */
    struct line_config lines[LINE_COUNT + 1]; /* the last: vty */
};

extern struct config config;

void config_reset(void);
/* The whole of it, or that of one interface. */
struct interface;
void config_write(struct text *out);
void config_write_interface(struct text *out, const struct interface *interface);
/* banner motd, the one command that goes over several lines: `text` begins with the delimiter. True: it is complete. */
bool banner_begin(const char *text);
bool banner_is_open(void);
bool banner_line(const char *line); /* true: the delimiter came */
/* Reads startup-config from NVRAM line by line; complaints go to `out`. */
void config_load_startup(struct text *out);
bool config_save_startup(void); /* false: it does not fit */

#endif
