/* A hello is taken from the node that is configured as the peer, under the same sync id, over a
 * stream whose key is still accepted. */
#include "link/greeting.h"

#include "core/pair_key.h"
#include "link/hello.h"
#include "link/settings.h"

#include <stdio.h>
#include <string.h>

char *greeting_build(const struct settings *settings, const struct session *session)
{
	struct hello h = {.cipher = seal_preferred(), .sync_id = settings->sync_id};

	(void)snprintf(h.node, sizeof(h.node), "%s", settings->node);
	memcpy(h.nonce, session_nonce(session), sizeof(h.nonce));
	return hello_build(&h);
}

static const char *judge(
	const struct settings *settings, const struct session *session, const struct hello *h)
{
	if (strcmp(h->node, settings->peer) != 0)
		return "hello: it is not the node that it should be";
	if (h->sync_id != settings->sync_id)
		return "hello: another sync id";
	if (memcmp(h->nonce, session_nonce(session), sizeof(h->nonce)) == 0)
		return "hello: our own";
	return NULL;
}

static const char *agree(const struct settings *settings, struct session *session,
	const struct pair_key *key, const struct hello *h, enum session_news *ret)
{
	struct session_terms terms = {
		.key = key,
		.own_name = settings->node,
		.peer_name = settings->peer,
		.peer_cipher = h->cipher,
	};
	int r;

	if (!terms.key)
		return "hello: its key is not accepted any more";
	memcpy(terms.peer_nonce, h->nonce, sizeof(terms.peer_nonce));
	r = session_agree(session, &terms);
	if (r < 0)
		return "hello: no keys could be made";
	*ret = (enum session_news)r;
	return NULL;
}

const char *greeting_take(const struct settings *settings, struct session *session,
	const struct pair_keys *keys, const uint8_t *key_id, const uint8_t *data, size_t len,
	enum session_news *ret)
{
	struct hello h;
	const char *wrong = hello_parse(data, len, &h);
	static char text[80]; /* a clause of hello_parse() does not say what it is about */

	if (wrong) {
		(void)snprintf(text, sizeof(text), "hello: %s", wrong);
		return text;
	}
	wrong = judge(settings, session, &h);
	return wrong ? wrong : agree(settings, session, pair_keys_find(keys, key_id), &h, ret);
}
