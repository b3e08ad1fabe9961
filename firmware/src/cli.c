#include "cli.h"

#include "log.h"

#define MAX_TOKENS 40

struct token {
    unsigned start, length;
};

static const struct cli_node *list_of(enum mode mode)
{
    switch (mode) {
    case MODE_CONFIG:
        return config_commands;
    case MODE_INTERFACE:
        return interface_commands;
    case MODE_ROUTER:
        return router_commands;
    case MODE_LINE:
        return line_commands;
    default:
        return exec_commands;
    }
}

static unsigned tokenize(const char *line, struct token tokens[MAX_TOKENS])
{
    unsigned count = 0;

    for (unsigned at = 0; line[at];) {
        if (line[at] == ' ' || line[at] == '\t') {
            at++;
            continue;
        }
        unsigned start = at;
        while (line[at] && line[at] != ' ' && line[at] != '\t')
            at++;
        if (count == MAX_TOKENS)
            return count;
        tokens[count++] = (struct token){start, at - start};
    }
    return count;
}

static bool is_visible(const struct cli_node *node, const struct session *session, bool no)
{
    if ((node->flags & CLI_PRIVILEGED) && !session->privileged)
        return false;
    return !(node->flags & CLI_ONLY_NO) || no;
}

enum outcome { MATCHED, COMPLETE_LINE, INVALID, AMBIGUOUS, INCOMPLETE, NOT_HERE };

struct parse {
    struct cli_arguments *arguments;
    const struct cli_node *node; /* the last that matched */
    const struct cli_node *list; /* what may follow */
    unsigned wrong_at;           /* position for the ^ marker */
    unsigned used;               /* tokens */
};

/* How many tokens an interface's name takes: "fa0/0", "fa 0/0", "vlan 2". 0: it is none. */
static unsigned match_interface(const char *line, const struct token *tokens, unsigned count,
                                struct interface_name *name)
{
    char joined[40];
    unsigned length = tokens[0].length;

    if (length >= sizeof joined)
        return 0;
    if (parse_interface_name(line + tokens[0].start, length, name))
        return 1;
    if (count < 2 || length + tokens[1].length >= sizeof joined || !is_letter(line[tokens[0].start + length - 1]))
        return 0;
    memcpy(joined, line + tokens[0].start, length);
    memcpy(joined + length, line + tokens[1].start, tokens[1].length);
    return parse_interface_name(joined, length + tokens[1].length, name) ? 2 : 0;
}

static const char *keep(struct cli_arguments *arguments, const char *text, unsigned length)
{
    char *kept = arguments->words + arguments->words_used;

    if (arguments->words_used + length + 1 > sizeof arguments->words)
        return "";
    memcpy(kept, text, length);
    kept[length] = 0;
    arguments->words_used += length + 1;
    return kept;
}

static bool match_value(const struct cli_node *node, const char *text, unsigned length, struct cli_value *value)
{
    switch (node->kind) {
    case CLI_ADDRESS:
        return parse_address(text, length, &value->number);
    case CLI_MASK:
        return parse_address(text, length, &value->number) && mask_is_contiguous(value->number);
    case CLI_NUMBER:
        return parse_number(text, length, &value->number) && value->number >= node->min && value->number <= node->max;
    case CLI_WORD:
    case CLI_LINE:
        return true;
    default:
        return false;
    }
}

/* The node of the list that this token means. */
static enum outcome match(struct parse *parse, const char *line, const struct token *tokens, unsigned count)
{
    struct cli_arguments *arguments = parse->arguments;
    const char *text = line + tokens[0].start;
    unsigned length = tokens[0].length, fits = 0, best_tier = 0, take = 1;
    const struct cli_node *found, *best = NULL;
    struct cli_value value = {.position = tokens[0].start};

    /* An abbreviation is looked for among the words that help shows, then among hidden ones, then among those that only
     * IOS has. */
    for (const struct cli_node *node = parse->list; node && node->kind != CLI_END; node++) {
        if (node->kind != CLI_KEYWORD || !is_visible(node, arguments->session, arguments->no) ||
            !text_begins(text, length, node->word))
            continue;
        unsigned tier = node->flags & CLI_ABSENT ? 2 : node->flags & CLI_HIDDEN ? 1 : 0;
        if (strlen(node->word) == length) { /* the whole word is meant, even if longer ones begin with it */
            best = node;
            best_tier = tier;
            fits = 1;
            break;
        }
        if (!best || tier < best_tier) {
            best = node;
            best_tier = tier;
            fits = 1;
        } else
            fits += tier == best_tier;
    }
    if (fits > 1 && best_tier < 2)
        return AMBIGUOUS;
    if (best && best_tier == 2) {
        parse->node = best;
        return NOT_HERE;
    }
    found = best;
    if (found && found->tag) {
        value.kind = CLI_KEYWORD;
        value.number = found->tag;
    }
    for (const struct cli_node *node = parse->list; !found && node && node->kind != CLI_END; node++) {
        if (node->kind == CLI_KEYWORD || !is_visible(node, arguments->session, arguments->no))
            continue;
        if (node->kind == CLI_INTERFACE) {
            unsigned used = match_interface(line, tokens, count, &value.interface);
            bool may_be_new = (node->flags & CLI_NEW) && value.interface.type != FASTETHERNET;
            if (!used)
                continue;
            if (!may_be_new && !interface_find(value.interface.type, value.interface.slot, value.interface.unit))
                continue;
            if (value.interface.type == VLAN && (value.interface.unit < 1 || value.interface.unit > 4094))
                continue;
            if (value.interface.type == NULL_INTERFACE && value.interface.unit)
                continue;
            take = used;
        } else if (!match_value(node, text, length, &value))
            continue;
        else if (node->kind == CLI_WORD)
            value.text = keep(arguments, text, length);
        else if (node->kind == CLI_LINE) {
            unsigned end = (unsigned)strlen(line);
            while (end > tokens[0].start && line[end - 1] == ' ')
                end--;
            value.text = keep(arguments, text, end - tokens[0].start);
            take = count;
        }
        value.kind = node->kind;
        found = node;
    }
    if (!found) {
        parse->wrong_at = tokens[0].start;
        return INVALID;
    }
    if (value.kind != CLI_END && arguments->count < CLI_MAX_VALUES)
        arguments->values[arguments->count++] = value;
    parse->node = found;
    parse->list = found->next;
    parse->used += take;
    return MATCHED;
}

/* How far into a wrong word it was still right, as IOS places its marker. */
static unsigned common_prefix(const struct parse *parse, const char *line, const struct token *token)
{
    unsigned best = 0;

    for (const struct cli_node *node = parse->list; node && node->kind != CLI_END; node++) {
        unsigned n = 0;
        if (node->kind != CLI_KEYWORD || (node->flags & (CLI_ABSENT | CLI_HIDDEN)))
            continue;
        while (n < token->length && node->word[n] && lower(node->word[n]) == lower(line[token->start + n]))
            n++;
        if (n > best)
            best = n;
    }
    return best;
}

static enum outcome parse_tokens(struct parse *parse, const char *line, const struct token *tokens, unsigned count)
{
    unsigned at = 0;

    while (at < count) {
        parse->used = 0;
        if (!parse->list || parse->list->kind == CLI_END) {
            parse->wrong_at = tokens[at].start;
            return INVALID;
        }
        enum outcome outcome = match(parse, line, tokens + at, count - at);
        if (outcome == INVALID) {
            parse->wrong_at = tokens[at].start + common_prefix(parse, line, &tokens[at]);
            parse->used = at;
        }
        if (outcome != MATCHED)
            return outcome;
        at += parse->used;
    }
    parse->used = at;
    return MATCHED;
}

static void start_parse(struct parse *parse, struct cli_arguments *arguments, const struct cli_node *list)
{
    *parse = (struct parse){.arguments = arguments, .list = list};
    arguments->count = 0;
    arguments->words_used = 0;
    arguments->wrong = -1;
}

/* "no" and "do" before a command; returns how many tokens they took. */
static unsigned read_prefix(const char *line, const struct token *tokens, unsigned count, enum mode *mode, bool *no)
{
    *no = false;
    if (*mode == MODE_EXEC || !count)
        return 0;
    if (!loading_startup && tokens[0].length == 2 && text_begins(line + tokens[0].start, 2, "do")) {
        *mode = MODE_EXEC;
        return 1;
    }
    if ((tokens[0].length == 2 && text_begins(line + tokens[0].start, 2, "no")) ||
        (tokens[0].length >= 3 && text_begins(line + tokens[0].start, tokens[0].length, "default"))) {
        *no = true;
        return 1;
    }
    return 0;
}

static bool may_end(const struct parse *parse)
{
    return parse->node && parse->node->run;
}

/* What may follow the bar of a show command; the tag is the filter. */
static const struct cli_node filter_pattern[] = {LINE("Regular Expression", NULL), END};
static const struct cli_node filters[] = {
    TAGGED("begin", "Begin with the line that matches", NULL, filter_pattern, FILTER_BEGIN),
    TAGGED("exclude", "Exclude lines that match", NULL, filter_pattern, FILTER_EXCLUDE),
    TAGGED("include", "Include lines that match", NULL, filter_pattern, FILTER_INCLUDE),
    TAGGED("section", "Filter a section of output", NULL, filter_pattern, FILTER_SECTION),
    END,
};

/* Where the bar is; 0: there is none. */
static unsigned find_bar(const char *line)
{
    for (unsigned bar = 1; line[0] && line[bar]; bar++)
        if (line[bar] == '|' && line[bar - 1] == ' ')
            return bar;
    return 0;
}

/* "| include x" at the end of a show command: cut off, and put into the session. False: it is not a filter. */
static bool read_filter(struct session *session, char *line)
{
    struct token tokens[MAX_TOKENS];
    unsigned count, bar = find_bar(line);

    session->filter = FILTER_NONE;
    if (!bar)
        return true;
    count = tokenize(line + bar + 1, tokens);
    if (count < 2)
        return false;
    for (const struct cli_node *node = filters; node->kind != CLI_END; node++)
        if (text_begins(line + bar + 1 + tokens[0].start, tokens[0].length, node->word)) {
            text_copy(session->filter_pattern, sizeof session->filter_pattern, line + bar + 1 + tokens[1].start);
            session->filter = (enum filter)node->tag;
            session->filter_open = false;
            line[bar] = 0;
            return true;
        }
    return false;
}

static void complain(struct text *out, unsigned position)
{
    text_print(out, "%*s^\n%% Invalid input detected at '^' marker.\n\n", (int)position, "");
}

void cli_run(struct session *session, struct text *out, const char *typed, unsigned prompt_length)
{
    struct token tokens[MAX_TOKENS];
    struct cli_arguments arguments = {.session = session, .out = out, .line = typed};
    struct parse parse;
    char line[INPUT_SIZE];
    enum mode mode = session->mode, wanted = mode;
    enum outcome outcome;
    unsigned count, prefix;

    text_copy(line, sizeof line, typed);
    count = tokenize(line, tokens);
    if (!count || line[tokens[0].start] == '!')
        return;
    prefix = read_prefix(line, tokens, count, &wanted, &arguments.no);
    if (prefix == count) {
        text_print(out, "%% Incomplete command.\n\n");
        return;
    }
    if (wanted == MODE_EXEC && text_begins(line + tokens[prefix].start, tokens[prefix].length, "show")) {
        if (!read_filter(session, line)) {
            complain(out, prompt_length + find_bar(line) + 1);
            return;
        }
        count = tokenize(line, tokens);
    }
    start_parse(&parse, &arguments, list_of(wanted));
    outcome = parse_tokens(&parse, line, tokens + prefix, count - prefix);
    if (wanted > MODE_CONFIG && (outcome == INVALID || outcome == NOT_HERE)) {
        /* Not a command of the sub-mode: one of the mode above, as IOS takes it ("ip route" under an interface). */
        struct parse second;
        enum outcome second_outcome;
        start_parse(&second, &arguments, list_of(MODE_CONFIG));
        second_outcome = parse_tokens(&second, line, tokens + prefix, count - prefix);
        if (second_outcome == MATCHED ||
            (outcome == INVALID && (second_outcome != INVALID || second.wrong_at > parse.wrong_at))) {
            parse = second;
            outcome = second_outcome;
            if (outcome == MATCHED)
                session->mode = MODE_CONFIG;
        }
    }
    switch (outcome) {
    case NOT_HERE:
        text_print(out, "%% Not in this lab router\n");
        log_quietly("%%LAB-6-ABSENT: not in this lab router: %.100s", typed);
        return;
    case AMBIGUOUS:
        text_print(out, "%% Ambiguous command:  \"%s\"\n", typed);
        return;
    case INVALID:
        if (wanted == MODE_EXEC && mode == MODE_EXEC && !parse.used && count == 1 && line[tokens[0].start] != '?') {
            text_print(
                out, "Translating \"%s\"\n\n%% Unknown command or computer name, or unable to find computer address\n",
                line + tokens[0].start);
            return;
        }
        complain(out, prompt_length + parse.wrong_at);
        return;
    default:
        break;
    }
    if (!may_end(&parse) || (!arguments.no && (parse.node->flags & CLI_NO_ENDS) && parse.node->next)) {
        text_print(out, "%% Incomplete command.\n\n");
        return;
    }
    parse.node->run(&arguments);
    if (arguments.wrong >= 0 && (unsigned)arguments.wrong < arguments.count)
        complain(out, prompt_length + arguments.values[arguments.wrong].position);
}

/* ---- help and completion ---- */

static const char *const interface_help[][2] = {
    {"FastEthernet", "FastEthernet IEEE 802.3"},
    {"Loopback", "Loopback interface"},
    {"Null", "Null interface"},
    {"Vlan", "Vlan of a routed port"},
};

struct help {
    struct text *out;
    bool words_only; /* partial word: just the words, in columns */
    unsigned count, width;
    bool printing;
};

static void help_word(struct help *help, const char *word, const char *explanation)
{
    unsigned length = (unsigned)strlen(word);

    if (!help->printing) {
        if (length > help->width)
            help->width = length;
        help->count++;
        return;
    }
    if (help->words_only)
        text_print(help->out, "%-*s%s", (int)help->width + 2, word, ++help->count % 5 ? "" : "\n");
    else
        text_print(help->out, "  %-*s  %s\n", (int)help->width, word, explanation);
}

static void help_list(struct help *help, const struct session *session, const struct cli_node *list, bool no,
                      const char *partial, unsigned length)
{
    for (const struct cli_node *node = list; node && node->kind != CLI_END; node++) {
        if ((node->flags & (CLI_ABSENT | CLI_HIDDEN)) || !is_visible(node, session, no))
            continue;
        if (node->kind == CLI_INTERFACE) {
            for (unsigned i = 0; i < ARRAY_SIZE(interface_help); i++)
                if (text_begins(partial, length, interface_help[i][0]))
                    help_word(help, interface_help[i][0], interface_help[i][1]);
        } else if (node->kind != CLI_KEYWORD ? !help->words_only : text_begins(partial, length, node->word))
            help_word(help, node->word, node->help);
    }
}

/* Where a line stands: the list that its next word comes from, and how much of that word is there. */
struct place {
    const struct cli_node *list;
    const struct cli_node *node;
    const char *partial;
    unsigned partial_length;
    bool no, prefixed;
    enum outcome outcome;
};

static bool begins_some_word(const struct place *place, const struct session *session)
{
    for (const struct cli_node *node = place->list; node && node->kind != CLI_END; node++)
        if (!(node->flags & CLI_ABSENT) && is_visible(node, session, place->no) &&
            (node->kind != CLI_KEYWORD || text_begins(place->partial, place->partial_length, node->word)))
            return true;
    return false;
}

static void find_place(struct session *session, const char *line, struct place *place, struct cli_arguments *arguments)
{
    struct token tokens[MAX_TOKENS];
    unsigned length = (unsigned)strlen(line), count = tokenize(line, tokens), bar = find_bar(line), prefix;
    enum mode mode = session->mode;
    struct parse parse;

    *place = (struct place){.partial = line + length};
    if (count && tokens[count - 1].start + tokens[count - 1].length == length) {
        place->partial = line + tokens[--count].start;
        place->partial_length = tokens[count].length;
    }
    prefix = read_prefix(line, tokens, count, &mode, &place->no);
    place->prefixed = prefix > 0;
    arguments->session = session;
    arguments->no = place->no;
    start_parse(&parse, arguments, list_of(mode));
    if (bar && mode == MODE_EXEC && prefix < count &&
        text_begins(line + tokens[prefix].start, tokens[prefix].length, "show")) {
        while (prefix < count && tokens[prefix].start < bar)
            prefix++;
        start_parse(&parse, arguments, filters);
        if (place->partial == line + bar) { /* the bar itself is no part of a word */
            place->partial++;
            place->partial_length--;
        } else if (!--tokens[prefix].length)
            prefix++;
        else
            tokens[prefix].start++;
    }
    place->outcome = parse_tokens(&parse, line, tokens + prefix, count - prefix);
    place->list = parse.list;
    place->node = parse.node;
    if (mode > MODE_CONFIG && (place->outcome == INVALID || place->outcome == NOT_HERE ||
                               (place->partial_length && !begins_some_word(place, session)))) {
        /* As when it runs: what the sub-mode does not know may be the mode above's. */
        enum outcome outcome;
        start_parse(&parse, arguments, list_of(MODE_CONFIG));
        outcome = parse_tokens(&parse, line, tokens + prefix, count - prefix);
        if (outcome == MATCHED) {
            place->outcome = outcome;
            place->list = parse.list;
            place->node = parse.node;
        }
    }
}

void cli_help(struct session *session, struct text *out, const char *line)
{
    static struct cli_arguments arguments;
    struct place place;
    struct help help = {.out = out};

    find_place(session, line, &place, &arguments);
    if (place.outcome == INVALID || place.outcome == AMBIGUOUS || place.outcome == NOT_HERE) {
        text_print(out, "%s\n", place.outcome == AMBIGUOUS ? "% Ambiguous command" : "% Unrecognized command");
        return;
    }
    help.words_only = place.partial_length > 0;
    for (int pass = 0; pass < 2; pass++) {
        help.printing = pass;
        if (pass && help.words_only && !help.count) { /* not a keyword: a parameter that is being typed? */
            help.words_only = false;
            help.printing = false;
            help_list(&help, session, place.list, place.no, "", 0);
            help.printing = true;
            help.count = 0;
            for (const struct cli_node *node = place.list; node && node->kind != CLI_END; node++)
                if (node->kind != CLI_KEYWORD && node->kind != CLI_INTERFACE && is_visible(node, session, place.no) &&
                    !(node->flags & CLI_HIDDEN))
                    help_word(&help, node->word, node->help);
            if (!help.count)
                text_print(out, "%% Unrecognized command\n");
            return;
        }
        if (pass)
            help.count = 0;
        help_list(&help, session, place.list, place.no, place.partial, place.partial_length);
        if (place.node && !place.partial_length && place.node->run)
            help_word(&help, "<cr>", "");
        if (!place.node && !place.prefixed && session->mode != MODE_EXEC &&
            text_begins(place.partial, place.partial_length, "no"))
            help_word(&help, "no", "Negate a command or set its defaults");
        if (!place.node && !place.prefixed && session->mode != MODE_EXEC &&
            text_begins(place.partial, place.partial_length, "do"))
            help_word(&help, "do", "To run exec commands in config mode");
    }
    if (help.words_only && help.count % 5)
        text_print(out, "\n");
}

bool cli_complete(struct session *session, char line[INPUT_SIZE], unsigned *length)
{
    static struct cli_arguments arguments;
    struct place place;
    const char *only = NULL;
    unsigned matches = 0, rest;

    find_place(session, line, &place, &arguments);
    if (place.outcome != MATCHED || !place.partial_length)
        return false;
    for (const struct cli_node *node = place.list; node && node->kind != CLI_END; node++) {
        if ((node->flags & (CLI_ABSENT | CLI_HIDDEN)) || !is_visible(node, session, place.no))
            continue;
        if (node->kind == CLI_KEYWORD && text_begins(place.partial, place.partial_length, node->word)) {
            only = node->word;
            matches++;
        }
        for (unsigned i = 0; node->kind == CLI_INTERFACE && i < ARRAY_SIZE(interface_help); i++)
            if (text_begins(place.partial, place.partial_length, interface_help[i][0])) {
                only = interface_help[i][0];
                matches++;
            }
    }
    if (matches != 1)
        return false;
    rest = (unsigned)strlen(only) - place.partial_length;
    if (*length + rest + 2 > INPUT_SIZE)
        return false;
    memcpy(line + *length - place.partial_length, only, strlen(only)); /* also in the word's own case */
    *length += rest;
    if (only != interface_help[0][0] && only != interface_help[1][0] && only != interface_help[2][0] &&
        only != interface_help[3][0])
        line[(*length)++] = ' ';
    line[*length] = 0;
    return true;
}
