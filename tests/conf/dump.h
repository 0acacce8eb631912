/* A configuration as canonical JSON text, for golden files. Release with free(). */
#pragma once

#include "conf/conf.h"

char *conf_dump(const struct conf *c);
