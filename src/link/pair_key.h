/* The pair's keys are values: see there. */
#pragma once

#include "core/pair_key.h"
