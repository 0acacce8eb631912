/* For checks against the running kernel: the first thing that is not so ends them. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(                                                             \
				stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			return false;                                                              \
		}                                                                                  \
	} while (0)
