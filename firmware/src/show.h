#ifndef SHOW_H
#define SHOW_H

#include "cli.h"

extern const struct cli_node show_commands[];
void show_running(struct cli_arguments *arguments);

#endif
