/* The command language: trees of words with abbreviations, help and completion, as IOS has them. A tree is constant
 * data; commands.c and configure.c have ours. */
#ifndef CLI_H
#define CLI_H

#include "interface.h"
#include "session.h"

enum cli_kind {
    CLI_END, /* of a list */
    CLI_KEYWORD,
    CLI_ADDRESS,   /* A.B.C.D */
    CLI_MASK,      /* A.B.C.D, contiguous */
    CLI_NUMBER,    /* min to max */
    CLI_WORD,      /* one word */
    CLI_LINE,      /* the rest of the line */
    CLI_INTERFACE, /* FastEthernet0/0, or in two words */
};

enum {
    CLI_PRIVILEGED = 1, /* only after enable */
    CLI_NO_ENDS = 2,    /* complete here after "no", even if not without */
    CLI_ABSENT = 4,     /* IOS has it, this router does not; in no help */
    CLI_HIDDEN = 8,     /* works, in no help */
    CLI_NEW = 16,       /* of an interface: a Loopback or Vlan that is not there is fine */
    CLI_ONLY_NO = 32,   /* is there after "no" only: a default that cannot be changed here */
};

#define CLI_MAX_VALUES 10

struct cli_value {
    enum cli_kind kind;
    uint32_t number;  /* keyword's tag, address, mask, number */
    const char *text; /* word or line */
    struct interface_name interface;
    unsigned position; /* in the line, for the ^ marker */
};

struct cli_arguments {
    struct session *session;
    struct text *out;
    bool no;
    const char *line;
    unsigned count;
    struct cli_value values[CLI_MAX_VALUES];
    int wrong;              /* set by a handler: index of a value that is invalid here, else -1 */
    char words[INPUT_SIZE]; /* that values' text points into */
    unsigned words_used;
};

typedef void cli_handler(struct cli_arguments *arguments);

struct cli_node {
    enum cli_kind kind;
    const char *word; /* keyword, or how help shows the parameter */
    const char *help;
    cli_handler *run; /* the line may end here */
    const struct cli_node *next;
    unsigned flags;
    uint32_t tag; /* of a keyword: if not 0, it becomes a value */
    uint32_t min, max;
};

/* Writing lists. */
#define KEY(word, help, run, next)                                                                                     \
    {                                                                                                                  \
        CLI_KEYWORD, word, help, run, next, 0, 0, 0, 0                                                                 \
    }
#define KEY_NO(word, help, run, next)                                                                                  \
    {                                                                                                                  \
        CLI_KEYWORD, word, help, run, next, CLI_NO_ENDS, 0, 0, 0                                                       \
    }
#define TAGGED(word, help, run, next, tag)                                                                             \
    {                                                                                                                  \
        CLI_KEYWORD, word, help, run, next, 0, tag, 0, 0                                                               \
    }
#define ABSENT(word)                                                                                                   \
    {                                                                                                                  \
        CLI_KEYWORD, word, "", NULL, NULL, CLI_ABSENT, 0, 0, 0                                                         \
    }
#define NUMBER(word, help, run, next, min, max)                                                                        \
    {                                                                                                                  \
        CLI_NUMBER, word, help, run, next, 0, 0, min, max                                                              \
    }
#define ADDRESS(help, run, next)                                                                                       \
    {                                                                                                                  \
        CLI_ADDRESS, "A.B.C.D", help, run, next, 0, 0, 0, 0                                                            \
    }
#define MASK(help, run, next)                                                                                          \
    {                                                                                                                  \
        CLI_MASK, "A.B.C.D", help, run, next, 0, 0, 0, 0                                                               \
    }
#define WORD(word, help, run, next)                                                                                    \
    {                                                                                                                  \
        CLI_WORD, word, help, run, next, 0, 0, 0, 0                                                                    \
    }
#define LINE(help, run)                                                                                                \
    {                                                                                                                  \
        CLI_LINE, "LINE", help, run, NULL, 0, 0, 0, 0                                                                  \
    }
#define INTERFACE(run, next, flags)                                                                                    \
    {                                                                                                                  \
        CLI_INTERFACE, "INTERFACE", "", run, next, flags, 0, 0, 0                                                      \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        0                                                                                                              \
    }

/* Lists by mode; those of a sub-mode fall back to MODE_CONFIG's. */
extern const struct cli_node exec_commands[], config_commands[], interface_commands[], router_commands[],
    line_commands[];

/* Runs one line in the session's mode; its output and complaints go to `out`. */
void cli_run(struct session *session, struct text *out, const char *line, unsigned prompt_length);
/* What may follow the cursor: `line` up to where ? was typed. */
void cli_help(struct session *session, struct text *out, const char *line);
/* Completes the last word, if just one word fits; true: `line` was extended. */
bool cli_complete(struct session *session, char line[INPUT_SIZE], unsigned *length);

#endif
