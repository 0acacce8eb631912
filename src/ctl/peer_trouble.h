/* Why a director is not ready, in words. */
#pragma once

/* A clause about the director: "its resync is not over". A name without words is its own. */
const char *peer_trouble_words(const char *trouble);
