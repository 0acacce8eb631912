/* Durations. Integer arithmetic throughout: a decimal fraction is exact to the microsecond. */
#include "base/duration.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DURATION_MAX_US (UINT64_C(1000) * 86400 * 1000000)

static const struct {
	const char *suffix;
	uint64_t us;
} units[] = {
	{"d", UINT64_C(86400000000)},
	{"h", UINT64_C(3600000000)},
	{"m", 60000000},
	{"s", 1000000},
	{"ms", 1000},
	{"us", 1},
};

static uint64_t unit_us(const char *suffix)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].suffix, suffix) == 0)
			return units[i].us;
	return 0;
}

/* Reads digits; false when there is none or the number passes DURATION_MAX_US. */
static bool read_number(const char **p, uint64_t *ret)
{
	uint64_t n = 0;
	const char *start = *p;

	for (; **p >= '0' && **p <= '9'; (*p)++) {
		n = n * 10 + (uint64_t)(**p - '0');
		if (n > DURATION_MAX_US)
			return false;
	}
	*ret = n;
	return *p != start;
}

bool duration_parse(const char *text, uint64_t *ret_us)
{
	const char *p = text, *fraction = NULL;
	uint64_t whole, unit, us;

	if (!read_number(&p, &whole))
		return false;
	if (*p == '.') {
		fraction = ++p;
		while (*p >= '0' && *p <= '9')
			p++;
		if (p == fraction)
			return false;
	}
	if (*p == '\0' && whole == 0 && !fraction) {
		*ret_us = 0;
		return true;
	}
	unit = unit_us(p);
	if (!unit || whole > DURATION_MAX_US / unit)
		return false;
	us = whole * unit;
	for (; fraction && *fraction >= '0' && *fraction <= '9'; fraction++) {
		unit /= 10;
		us += unit * (uint64_t)(*fraction - '0');
	}
	if (us > DURATION_MAX_US)
		return false;
	*ret_us = us;
	return true;
}

const char *duration_format(uint64_t us, char buf[static DURATION_TEXT_MAX])
{
	for (size_t i = 0; us && i < sizeof(units) / sizeof(units[0]); i++) {
		if (us % units[i].us == 0) {
			(void)snprintf(buf, DURATION_TEXT_MAX, "%" PRIu64 "%s", us / units[i].us,
				units[i].suffix);
			return buf;
		}
	}
	(void)snprintf(buf, DURATION_TEXT_MAX, "0s");
	return buf;
}
