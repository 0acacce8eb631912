/* JSON, so that a later version can say more: members that are not known are passed over. */
#include "link/hello.h"

#include "link/hex.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

char *hello_build(const struct hello *h)
{
	char nonce[2 * SEAL_NONCE_LEN + 1];
	json_t *o;
	char *text;

	hex_write(h->nonce, sizeof(h->nonce), nonce);
	o = json_pack("{s:i, s:s, s:s, s:i, s:i}", "version", HELLO_VERSION, "node", h->node,
		"nonce", nonce, "cipher", (int)h->cipher, "sync_id", (int)h->sync_id);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}

static const char *read_members(const json_t *o, struct hello *ret)
{
	const char *node = json_string_value(json_object_get(o, "node"));
	const char *nonce = json_string_value(json_object_get(o, "nonce"));
	json_int_t cipher = json_integer_value(json_object_get(o, "cipher"));
	json_int_t sync_id = json_integer_value(json_object_get(o, "sync_id"));
	struct hello h = {0};

	if (json_integer_value(json_object_get(o, "version")) != HELLO_VERSION)
		return "another version of the link";
	if (!node || !*node || strlen(node) >= sizeof(h.node))
		return "no name of a node";
	if (!nonce || !hex_read(nonce, h.nonce, sizeof(h.nonce)))
		return "no nonce";
	if (cipher != SEAL_AES_256_GCM && cipher != SEAL_CHACHA20_POLY1305)
		return "an unknown cipher";
	if (sync_id < 0 || sync_id > UINT8_MAX)
		return "no sync id";
	(void)snprintf(h.node, sizeof(h.node), "%s", node);
	h.cipher = (enum seal_cipher)cipher;
	h.sync_id = (unsigned)sync_id;
	*ret = h;
	return NULL;
}

const char *hello_parse(const void *text, size_t len, struct hello *ret)
{
	json_t *o = len <= HELLO_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const char *wrong = json_is_object(o) ? read_members(o, ret) : "not an object";

	json_decref(o);
	return wrong;
}
