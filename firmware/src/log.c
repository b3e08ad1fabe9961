#include "log.h"

#include "board.h"
#include "session.h"

#define LINES 128
#define LINE_SIZE 160

static char lines[LINES][LINE_SIZE];
static unsigned written;

static const struct {
    char name[4];
    uint8_t days;
} months[12] = {{"Jan", 31}, {"Feb", 28}, {"Mar", 31}, {"Apr", 30}, {"May", 31}, {"Jun", 30},
                {"Jul", 31}, {"Aug", 31}, {"Sep", 30}, {"Oct", 31}, {"Nov", 30}, {"Dec", 31}};

struct date {
    unsigned year, month, day, weekday;
};

static struct date date_now(void)
{
    uint32_t days = clock_seconds() / 86400;
    struct date date = {.year = 2002, .month = 2, .day = 0, .weekday = (days + 5) % 7}; /* 1 March 2002 was a Friday */

    for (;;) {
        unsigned in_month = months[date.month].days;
        if (date.month == 1 && date.year % 4 == 0)
            in_month++;
        if (days < in_month)
            break;
        days -= in_month;
        if (++date.month == 12)
            date.month = 0, date.year++;
    }
    date.day = days + 1;
    return date;
}

const char *clock_text(void)
{
    static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static char buffer[48];
    struct date date = date_now();
    struct text text;

    text_init(&text, buffer, sizeof buffer);
    text_print(&text, "%s.%03u UTC %s %s %u %u", age_text(clock_seconds() % 86400), clock_ms() % 1000,
               weekdays[date.weekday], months[date.month].name, date.day, date.year);
    return buffer;
}

static const char *add_line(const char *format, va_list arguments)
{
    struct text text;
    struct date date = date_now();
    char *line = lines[written++ % LINES];

    text_init(&text, line, LINE_SIZE);
    text_print(&text, "*%s %2u %s.%03u: ", months[date.month].name, date.day, age_text(clock_seconds() % 86400),
               clock_ms() % 1000);
    text_vprint(&text, format, arguments);
    return line;
}

void log_message(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    sessions_notify(add_line(format, arguments));
    va_end(arguments);
}

void log_quietly(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_line(format, arguments);
    va_end(arguments);
}

void log_show(struct text *out)
{
    unsigned first = written > LINES ? written - LINES : 0;

    text_print(out, "Syslog logging: enabled\n    Console logging: level debugging, %u messages logged\n", written);
    text_print(out, "    Buffer logging: the last %u messages\n\nLog Buffer:\n\n", (unsigned)LINES);
    for (unsigned i = first; i < written; i++)
        text_print(out, "%s\n", lines[i % LINES]);
}
