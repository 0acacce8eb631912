/* What this host has, all that core/realserver asks about. */
#pragma once

#include "core/realserver.h"

/* 0 or -errno, and then *ret is untouched. Release with host_done(). */
int host_read(struct realserver_have *ret);
void host_done(struct realserver_have *have);
