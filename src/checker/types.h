/* Where the types of checks are. */
#pragma once

#include "checker/probe.h"

extern const struct probe_type tcp_probe_type;
