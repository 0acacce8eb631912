/* The key table: notify. */
#include "conf/key_table.h"

static const struct key before_active_items[] = {
	{
		.name = "command",
		.type = KEY_ARGV,
		.required = true,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_before_active, command),
		.meaning = "Run before this director becomes Active, which waits for it",
	},
	{
		.name = "timeout",
		.type = KEY_DURATION,
		.fallback = "500ms",
		.min = 10 * MS,
		.max = 5000 * MS,
		.unit_us = 1,
		.field = FIELD(struct conf_before_active, timeout_us),
		.meaning = "How long that waits at most; then the program is killed",
	},
};
static const struct keys before_active_keys = {
	"before_active", sizeof(struct conf_before_active), KEYS(before_active_items)};

static const struct key notify_items[] = {
	{
		.name = "before_active",
		.type = KEY_OBJECT,
		.object = &before_active_keys,
		.field = FIELD(struct conf_notify, before_active),
		.meaning = "A program that a takeover waits for",
	},
	{
		.name = "active",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, active),
		.meaning = "Run when this director has become Active",
	},
	{
		.name = "backup",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, backup),
		.meaning = "Run when it has become Backup",
	},
	{
		.name = "fault",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, fault),
		.meaning = "Run when it takes no part in the election any more",
	},
	{
		.name = "stop",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, stop),
		.meaning = "Run when tandem stops",
	},
	{
		.name = "any",
		.type = KEY_ARGV,
		.max = CONF_ARGV_MAX,
		.field = FIELD(struct conf_notify, any),
		.meaning = "Run after each of them, with the name, the state and the priority as "
			   "arguments",
	},
	{
		.name = "timeout",
		.type = KEY_DURATION,
		.fallback = "60s",
		.min = 10 * MS,
		.max = HOUR,
		.unit_us = 1,
		.field = FIELD(struct conf_notify, timeout_us),
		.meaning = "A program that takes longer is killed",
	},
	{
		.name = "user",
		.type = KEY_TEXT,
		.min = 1,
		.max = USER_LEN_MAX,
		.chars = USER_CHARS,
		.noun = USER_NOUN,
		.field = FIELD(struct conf_notify, user),
		.meaning = "The user that they run as; default: tandem, if there is one",
	},
	{
		.name = "shell",
		.type = KEY_BOOLEAN,
		.fallback = "false",
		.field = FIELD(struct conf_notify, shell),
		.meaning = "Whether the first text of each is for /bin/sh",
	},
};
const struct keys notify_keys = {"notify", sizeof(struct conf_notify), KEYS(notify_items)};
