/* The errors of a configuration as those that asked for it are told them. */
#pragma once

#include "conf/conf.h"

#include <jansson.h>

/* An array of text, new reference. */
json_t *error_list(const struct conf_errors *errors);
