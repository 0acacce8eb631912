/* tandemctl realserver: this host made a real server, and back. No director is asked: it runs where
 * there is the configuration and nothing else. */
#pragma once

#include "ctl/command.h"

int command_realserver(struct ctl *c, int argc, char **argv);
