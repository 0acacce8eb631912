/* All of a director, on the host that is no_host.c's, with helpers that are played by the test. */
#pragma once

#include "director/state.h"

/* It runs, and its helpers were started; they have not said anything. `host`: '2' for the second
 * node of the pair, 'K' for a link in kernel mode, else the first one and a link in tandem mode. */
struct director *played_begin(char host);
/* A frame without its end; nothing when the helper was not listened to any more. */
void played_say(enum helper_index helper, const char *frame);
/* The same with `len` bytes, in one go as far as the socket takes them. */
void played_say_all(enum helper_index helper, const char *frames, size_t len);
/* An operator's call: "s" Status, "w" Why, "h" a server's history, "p" Push, "r" Resync, "o"
 * Switchover; nothing for other letters. */
void played_call(char letter);
/* Operators ask once more, without waiting for helpers; then all is freed. */
void played_end(void);
