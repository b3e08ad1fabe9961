#include "session.h"

#include "cli.h"
#include "config.h"
#include "log.h"

struct session sessions[LINE_COUNT];

enum {
    CTRL_A = 1,
    CTRL_B,
    CTRL_C,
    CTRL_D,
    CTRL_E,
    CTRL_F,
    BACKSPACE = 8,
    TAB = 9,
    CTRL_K = 11,
    CTRL_L = 12,
    CTRL_N = 14,
    CTRL_P = 16,
    CTRL_R = 18,
    CTRL_U = 21,
    CTRL_W = 23,
    CTRL_X = 24,
    CTRL_Z = 26,
    ESCAPE = 27,
    BREAK_KEY = 30 /* Ctrl-Shift-6 */,
    DELETE = 127,
};

#define MORE_TEXT " --More-- "
#define PASSWORD_TRIES 3

static void put(struct session *session, const char *data, size_t size)
{
    for (size_t from = 0, at = 0; at <= size; at++)
        if (at == size || data[at] == '\n') {
            line_put(session->line, data + from, at - from);
            if (at < size)
                line_put(session->line, "\r\n", 2);
            from = at + 1;
        }
}

static void put_text(struct session *session, const char *text)
{
    put(session, text, strlen(text));
}

static unsigned write_prompt(const struct session *session, char *buffer, size_t size)
{
    static const char *const suffixes[MODE_COUNT] = {"", "(config)#", "(config-if)#", "(config-router)#",
                                                     "(config-line)#"};
    struct text text;

    text_init(&text, buffer, size);
    text_print(&text, "%.20s%s", config.hostname,
               session->mode != MODE_EXEC ? suffixes[session->mode]
               : session->privileged      ? "#"
                                          : ">");
    return (unsigned)text.used;
}

static void show_prompt(struct session *session)
{
    char buffer[64];

    write_prompt(session, buffer, sizeof buffer);
    put_text(session, buffer);
    put(session, session->input, session->length);
    for (unsigned i = session->cursor; i < session->length; i++)
        put_text(session, "\b");
}

static void clear_input(struct session *session)
{
    session->length = session->cursor = 0;
    session->input[0] = 0;
    session->history_at = session->history_count;
}

/* ---- output ---- */

static bool line_passes(struct session *session, const char *line, size_t length)
{
    bool match;

    if (session->filter == FILTER_NONE || (session->filter == FILTER_BEGIN && session->filter_open))
        return true;
    match = text_matches(session->filter_pattern, line, length);
    switch (session->filter) {
    case FILTER_INCLUDE:
        return match;
    case FILTER_EXCLUDE:
        return !match;
    case FILTER_BEGIN:
        session->filter_open = match;
        return match;
    default: /* section: the line, and what is indented under it */
        if (!length || line[0] != ' ')
            session->filter_open = match;
        return match || session->filter_open;
    }
}

static void output_done(struct session *session)
{
    if (session->out.truncated)
        put_text(session, "\n% The rest does not fit in this router's output buffer\n");
    text_init(&session->out, session->out_buffer, OUTPUT_SIZE);
    session->out_shown = 0;
    session->filter = FILTER_NONE;
}

/* Shows up to `lines` lines more; at the end goes on with the prompt. */
static void show_page(struct session *session, unsigned lines)
{
    struct text *out = &session->out;

    while (session->out_shown < out->used) {
        const char *line = out->buffer + session->out_shown;
        size_t length = 0, room = out->used - session->out_shown;
        while (length < room && line[length] != '\n')
            length++;
        if (line_passes(session, line, length)) {
            if (!lines) {
                put_text(session, MORE_TEXT);
                session->state = SESSION_MORE;
                return;
            }
            put(session, line, length < room ? length + 1 : length);
            if (session->terminal_length)
                lines--;
        }
        session->out_shown += length < room ? length + 1 : length;
    }
    output_done(session);
    session->state = SESSION_EDITING;
    show_prompt(session);
}

static unsigned page_lines(const struct session *session)
{
    return session->terminal_length ? session->terminal_length - 1 : 1;
}

void session_flush(struct session *session)
{
    put(session, session->out.buffer + session->out_shown, session->out.used - session->out_shown);
    output_done(session);
}

void session_done(struct session *session)
{
    session_flush(session);
    session->state = SESSION_EDITING;
    show_prompt(session);
}

void sessions_notify(const char *message)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        struct session *session = &sessions[line];
        if (!session->monitor)
            continue;
        if (session->running) {
            text_print(&session->out, "%s\n", message);
            continue;
        }
        put_text(session, session->state == SESSION_MORE ? "\r" : "\n");
        put_text(session, message);
        put_text(session, "\n");
        if (session->state == SESSION_EDITING)
            show_prompt(session);
        else if (session->state == SESSION_MORE)
            put_text(session, MORE_TEXT);
    }
}

/* ---- opening, closing, passwords ---- */

static void invite(struct session *session)
{
    put_text(session, "\n\nPress RETURN to get started.\n\n");
}

void session_close(struct session *session)
{
    session_flush(session);
    session->state = SESSION_CLOSED;
    session->mode = MODE_EXEC;
    session->privileged = false;
    session->history_count = 0;
    session->terminal_length = 24;
    session->monitor = session->line == LINE_CONSOLE;
    clear_input(session);
    put_text(session, "\n\n\n");
    put_text(session, config.hostname);
    put_text(session, session->line == LINE_CONSOLE ? " con0 is now available\n\n\n" : " aux0 is now available\n\n\n");
    invite(session);
}

static void begin(struct session *session)
{
    session->privileged = config.lines[session->line].privileged;
    session->state = SESSION_EDITING;
    clear_input(session);
    put_text(session, "\n");
    show_prompt(session);
}

static void ask_password(struct session *session)
{
    session->state = SESSION_PASSWORD;
    clear_input(session);
    put_text(session, "Password: ");
}

static void open_line(struct session *session)
{
    const struct line_config *line = &config.lines[session->line];

    put_text(session, "\n");
    if (config.banner[0]) {
        put_text(session, config.banner);
        put_text(session, "\n");
    }
    if (!line->login) {
        begin(session);
        return;
    }
    if (!line->password[0]) {
        put_text(session, "\nPassword required, but none set\n");
        return;
    }
    put_text(session, "\nUser Access Verification\n\n");
    session->password_is_enable = false;
    session->password_tries = 0;
    ask_password(session);
}

void session_enable(struct session *session)
{
    if (session->privileged)
        return;
    if (!config.enable_secret[0]) {
        if (session->line == LINE_CONSOLE)
            session->privileged = true;
        else
            text_print(&session->out, "%% No password set\n");
        return;
    }
    session->password_is_enable = true;
    session->password_tries = 0;
    session_flush(session);
    ask_password(session);
}

static void check_password(struct session *session)
{
    char typed[INPUT_SIZE];
    bool right;

    memcpy(typed, session->input, session->length);
    typed[session->length] = 0;
    clear_input(session);
    put_text(session, "\n");
    if (session->password_is_enable)
        right = secret_matches(typed, config.enable_secret);
    else
        right = text_equal(typed, config.lines[session->line].password);
    if (right && session->password_is_enable) {
        session->privileged = true;
        session->state = SESSION_EDITING;
        show_prompt(session);
    } else if (right) {
        begin(session);
    } else if (++session->password_tries < PASSWORD_TRIES) {
        ask_password(session);
    } else if (session->password_is_enable) {
        put_text(session, "% Bad secrets\n\n");
        session->state = SESSION_EDITING;
        show_prompt(session);
    } else {
        put_text(session, "% Bad passwords\n");
        session_close(session);
    }
}

/* ---- commands ---- */

static void remember(struct session *session)
{
    unsigned at = session->history_count;

    if (!session->length)
        return;
    if (at && text_equal(session->history[at - 1], session->input))
        return;
    if (at == HISTORY_SIZE) {
        memmove(session->history[0], session->history[1], sizeof session->history - sizeof session->history[0]);
        at--;
    }
    memcpy(session->history[at], session->input, INPUT_SIZE);
    session->history_count = at + 1;
}

/* After anything that may have written and may have changed the state. */
static void settle(struct session *session)
{
    if (session->state == SESSION_EDITING)
        show_page(session, page_lines(session));
    else
        session_flush(session);
}

static void run_line(struct session *session)
{
    char line[INPUT_SIZE], prompt[64];
    unsigned prompt_length = write_prompt(session, prompt, sizeof prompt);

    remember(session);
    text_copy(line, sizeof line, session->input);
    clear_input(session);
    session->running = true;
    cli_run(session, &session->out, line, prompt_length);
    session->running = false;
}

static void leave_configuration(struct session *session)
{
    if (session->mode == MODE_EXEC)
        return;
    session->mode = MODE_EXEC;
    log_message("%%SYS-5-CONFIG_I: Configured from console by %s", session->line == LINE_CONSOLE ? "console" : "aux0");
}

void session_ask(struct session *session, const char *question,
                 void (*answered)(struct session *session, const char *answer))
{
    session->answered = answered;
    session->state = SESSION_QUESTION;
    text_print(&session->out, "%s", question);
}

static void take_answer(struct session *session)
{
    char answer[INPUT_SIZE];

    text_copy(answer, sizeof answer, session->input);
    clear_input(session);
    session->state = SESSION_EDITING;
    session->running = true;
    session->answered(session, answer);
    session->running = false;
    settle(session);
}

void session_read_banner(struct session *session)
{
    session->state = SESSION_BANNER;
    text_print(&session->out, "Enter TEXT message.  End with the same character.\n");
}

static void take_banner_line(struct session *session)
{
    session->running = true;
    if (banner_line(session->input))
        session->state = SESSION_EDITING;
    session->running = false;
    clear_input(session);
    if (session->state == SESSION_EDITING)
        settle(session);
}

static void enter(struct session *session)
{
    switch (session->state) {
    case SESSION_CLOSED:
        open_line(session);
        return;
    case SESSION_PASSWORD:
        check_password(session);
        return;
    case SESSION_QUESTION:
        put_text(session, "\n");
        take_answer(session);
        return;
    case SESSION_BANNER:
        put_text(session, "\n");
        take_banner_line(session);
        return;
    default:
        put_text(session, "\n");
        run_line(session);
        settle(session);
    }
}

/* ---- editing ---- */

static void back(struct session *session, unsigned count)
{
    while (count--)
        put_text(session, "\b");
}

static void insert(struct session *session, char c)
{
    if (session->length + 1 >= INPUT_SIZE) {
        put_text(session, "\a");
        return;
    }
    memmove(session->input + session->cursor + 1, session->input + session->cursor, session->length - session->cursor);
    session->input[session->cursor] = c;
    session->input[++session->length] = 0;
    if (session->state != SESSION_PASSWORD) {
        put(session, session->input + session->cursor, session->length - session->cursor);
        back(session, session->length - session->cursor - 1);
    }
    session->cursor++;
}

static void erase(struct session *session, unsigned from, unsigned to)
{
    unsigned removed = to - from, tail;

    if (!removed)
        return;
    if (session->state != SESSION_PASSWORD)
        back(session, session->cursor - from);
    memmove(session->input + from, session->input + to, session->length - to);
    session->length -= removed;
    session->input[session->length] = 0;
    session->cursor = from;
    if (session->state == SESSION_PASSWORD)
        return;
    tail = session->length - from;
    put(session, session->input + from, tail);
    for (unsigned i = 0; i < removed; i++)
        put_text(session, " ");
    back(session, tail + removed);
}

static void move_to(struct session *session, unsigned cursor)
{
    if (cursor < session->cursor)
        back(session, session->cursor - cursor);
    else
        put(session, session->input + session->cursor, cursor - session->cursor);
    session->cursor = cursor;
}

static void recall(struct session *session, int step)
{
    unsigned at = session->history_at;

    if (session->state != SESSION_EDITING || (step < 0 && !at) || (step > 0 && at >= session->history_count)) {
        put_text(session, "\a");
        return;
    }
    session->history_at = at + (unsigned)step;
    move_to(session, session->length);
    erase(session, 0, session->length);
    if (session->history_at < session->history_count)
        for (const char *c = session->history[session->history_at]; *c; c++)
            insert(session, *c);
}

static void question_mark(struct session *session)
{
    char line[INPUT_SIZE];

    memcpy(line, session->input, session->cursor);
    line[session->cursor] = 0;
    put_text(session, "?\n");
    cli_help(session, &session->out, line);
    text_print(&session->out, "\n");
    show_page(session, page_lines(session)); /* ends with the prompt and the line as it was */
}

static void complete(struct session *session)
{
    if (session->cursor != session->length)
        return;
    cli_complete(session, session->input, &session->length);
    session->cursor = session->length;
    put_text(session, "\n");
    show_prompt(session);
}

static unsigned word_start(const struct session *session)
{
    unsigned at = session->cursor;

    while (at && session->input[at - 1] == ' ')
        at--;
    while (at && session->input[at - 1] != ' ')
        at--;
    return at;
}

static void control_z(struct session *session)
{
    put_text(session, "^Z\n");
    if (session->state == SESSION_EDITING && session->mode != MODE_EXEC) {
        if (session->length)
            run_line(session);
        session->running = true;
        leave_configuration(session);
        session->running = false;
        if (session->state == SESSION_EDITING) {
            settle(session);
            return;
        }
    }
    clear_input(session);
    session->state = SESSION_EDITING;
    settle(session);
}

static void control_c(struct session *session)
{
    put_text(session, session->state == SESSION_EDITING && session->mode == MODE_EXEC ? "\n" : "^C\n");
    clear_input(session);
    session->running = true;
    if (session->state == SESSION_EDITING)
        leave_configuration(session);
    session->running = false;
    session->state = SESSION_EDITING;
    settle(session);
}

static void escape_key(struct session *session, char c)
{
    if (session->escape == 1 && (c == '[' || c == 'O')) {
        session->escape = 2;
        return;
    }
    if (session->escape == 2 && (is_digit(c) || c == ';'))
        return;
    session->escape = 0;
    switch (c) {
    case 'A':
        recall(session, -1);
        break;
    case 'B':
        recall(session, 1);
        break;
    case 'C':
        if (session->cursor < session->length)
            move_to(session, session->cursor + 1);
        break;
    case 'D':
        if (session->cursor)
            move_to(session, session->cursor - 1);
        break;
    }
}

static void edit_key(struct session *session, uint8_t c)
{
    bool editing = session->state == SESSION_EDITING;

    switch (c) {
    case CTRL_A:
        move_to(session, 0);
        break;
    case CTRL_E:
        move_to(session, session->length);
        break;
    case CTRL_B:
        if (session->cursor)
            move_to(session, session->cursor - 1);
        break;
    case CTRL_F:
        if (session->cursor < session->length)
            move_to(session, session->cursor + 1);
        break;
    case CTRL_D:
        if (session->cursor < session->length) {
            move_to(session, session->cursor + 1);
            erase(session, session->cursor - 1, session->cursor);
        }
        break;
    case BACKSPACE:
    case DELETE:
        if (session->cursor)
            erase(session, session->cursor - 1, session->cursor);
        break;
    case CTRL_K: {
        unsigned from = session->cursor;
        move_to(session, session->length);
        erase(session, from, session->length);
        break;
    }
    case CTRL_U:
    case CTRL_X:
        erase(session, 0, session->cursor);
        break;
    case CTRL_W:
        erase(session, word_start(session), session->cursor);
        break;
    case CTRL_R:
    case CTRL_L:
        if (editing) {
            put_text(session, "\n");
            show_prompt(session);
        }
        break;
    case CTRL_P:
        recall(session, -1);
        break;
    case CTRL_N:
        recall(session, 1);
        break;
    case TAB:
        if (editing)
            complete(session);
        break;
    case ESCAPE:
        session->escape = 1;
        break;
    case '?':
        if (editing)
            question_mark(session);
        else
            insert(session, '?');
        break;
    default:
        if (c >= ' ' && c < DELETE)
            insert(session, (char)c);
    }
}

static void more_key(struct session *session, uint8_t c)
{
    put_text(session, "\r          \r");
    session->state = SESSION_EDITING;
    if (c == ' ')
        show_page(session, page_lines(session));
    else if (c == '\r' || c == '\n')
        show_page(session, 1);
    else {
        output_done(session);
        show_prompt(session);
    }
}

static void key(struct session *session, uint8_t c)
{
    bool line_feed_of_return = c == '\n' && session->after_return;

    session->after_return = c == '\r';
    if (line_feed_of_return || !c)
        return;
    if (session->state == SESSION_MORE) {
        more_key(session, c);
        return;
    }
    if (c == '\r' || c == '\n') {
        move_to(session, session->state == SESSION_PASSWORD ? session->cursor : session->length);
        session->escape = 0;
        enter(session);
        return;
    }
    if (session->state == SESSION_CLOSED)
        return;
    if (session->escape) {
        escape_key(session, (char)c);
        return;
    }
    if (c == CTRL_C && session->state == SESSION_PASSWORD && session->password_is_enable) {
        put_text(session, "\n");
        clear_input(session);
        session->state = SESSION_EDITING;
        show_prompt(session);
        return;
    }
    if ((c == CTRL_Z || c == CTRL_C) && session->state != SESSION_PASSWORD) {
        if (c == CTRL_Z)
            control_z(session);
        else
            control_c(session);
        return;
    }
    if (session->state == SESSION_PASSWORD && c < ' ' && c != BACKSPACE && c != CTRL_U)
        return;
    edit_key(session, c);
}

/* ---- the lines ---- */

/* Dynamips keeps 4 KB of what is pasted and drops the rest, so it is taken off its hands between any two keys. */
static void read_ahead(struct session *session)
{
    int c;

    while (session->ahead_count < sizeof session->ahead && (c = line_get(session->line)) >= 0) {
        session->last_input_ms = clock_ms();
        if (session->state == SESSION_BUSY && (c == CTRL_C || c == BREAK_KEY)) {
            session->ahead_count = 0;
            probe_abort(session);
            continue;
        }
        session->ahead[(session->ahead_first + session->ahead_count++) % sizeof session->ahead] = (uint8_t)c;
    }
}

static void read_line(struct session *session)
{
    unsigned keys = 0; /* at a time, so that frames are forwarded while much is pasted */

    for (read_ahead(session); session->ahead_count && session->state != SESSION_BUSY && keys < 4096; keys++) {
        uint8_t next = session->ahead[session->ahead_first];
        session->ahead_first = (session->ahead_first + 1) % sizeof session->ahead;
        session->ahead_count--;
        key(session, next);
        read_ahead(session);
    }
}

static void check_timeout(struct session *session)
{
    uint32_t timeout = config.lines[session->line].timeout_s;

    if (session->state != SESSION_CLOSED && session->state != SESSION_BUSY && timeout &&
        clock_ms() - session->last_input_ms > timeout * 1000)
        session_close(session);
}

void sessions_start(void)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        struct session *session = &sessions[line];
        session->line = line;
        session->terminal_length = 24;
        session->monitor = line == LINE_CONSOLE;
        text_init(&session->out, session->out_buffer, OUTPUT_SIZE);
        invite(session);
    }
}

void sessions_tick(void)
{
    for (int line = 0; line < LINE_COUNT; line++) {
        probe_tick(&sessions[line]);
        read_line(&sessions[line]);
        check_timeout(&sessions[line]);
    }
}
