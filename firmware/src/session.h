/* What a person at a line (console or AUX) has before them: the line editor, history, paging, passwords, and the mode
 * they are in. */
#ifndef SESSION_H
#define SESSION_H

#include "board.h"
#include "probe.h"
#include "sha256.h"
#include "text.h"

#define INPUT_SIZE 256
#define HISTORY_SIZE 20
#define OUTPUT_SIZE 65536

struct interface;

enum mode { MODE_EXEC, MODE_CONFIG, MODE_INTERFACE, MODE_ROUTER, MODE_LINE, MODE_COUNT };

enum session_state {
    SESSION_CLOSED,   /* "Press RETURN to get started." */
    SESSION_PASSWORD, /* no echo */
    SESSION_QUESTION, /* a command asks something back */
    SESSION_BANNER,   /* lines of a banner, up to its delimiter */
    SESSION_EDITING,
    SESSION_BUSY, /* a probe runs */
    SESSION_MORE,
};

enum filter { FILTER_NONE, FILTER_INCLUDE, FILTER_EXCLUDE, FILTER_BEGIN, FILTER_SECTION };

struct session {
    int line;
    enum session_state state;
    enum mode mode;
    bool privileged;
    bool monitor; /* log messages are shown here */
    bool running; /* a command is at work: messages go with its output */

    /* What the mode is about. */
    struct interface *interface;
    int configured_line;

    /* Editor. */
    char input[INPUT_SIZE];
    unsigned length, cursor;
    unsigned escape;   /* bytes of an escape sequence seen */
    bool after_return; /* a line feed that follows is the same key */
    char history[HISTORY_SIZE][INPUT_SIZE];
    unsigned history_count, history_at;

    /* Typed ahead. */
    uint8_t ahead[16384];
    unsigned ahead_first, ahead_count;

    /* Passwords: for the line, or for enable. */
    bool password_is_enable;
    unsigned password_tries;

    /* A question; called with the answer. */
    void (*answered)(struct session *session, const char *answer);

    /* Output on its way to the line. */
    struct text out;
    char out_buffer[OUTPUT_SIZE];
    size_t out_shown;
    unsigned terminal_length, lines_on_page;
    enum filter filter;
    bool filter_open; /* begin: found; section: within */
    char filter_pattern[80];

    uint32_t last_input_ms;
    struct probe probe;
};

extern struct session sessions[LINE_COUNT];

void sessions_start(void);
void sessions_tick(void); /* reads what was typed, pages, times out */
/* A log message, on every open line; what is being typed is shown again after it. */
void sessions_notify(const char *message);

/* Output so far goes out now, unpaged: a probe's marks. */
void session_flush(struct session *session);
/* A command that went on by itself (SESSION_BUSY) is over. */
void session_done(struct session *session);
void session_ask(struct session *session, const char *question,
                 void (*answered)(struct session *session, const char *answer));
/* Privileged mode: at once, or after the secret. */
void session_enable(struct session *session);
void session_close(struct session *session);
void session_read_banner(struct session *session);

#endif
