/* The logging buffer (`show logging`), and what of it appears on consoles. */
#ifndef LOG_H
#define LOG_H

#include "text.h"

/* One line, stamped with the clock as IOS does: *Mar  1 00:01:02.345: %SYS-5-... It is kept, and shown on every line
 * where somebody would see it. */
void log_message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Kept, not shown. */
void log_quietly(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_show(struct text *out);
/* "00:01:02.345 UTC Fri Mar 1 2002": the clock is never set, and begins when the router does, as on an IOS router
 * without a calendar. */
const char *clock_text(void);

#endif
