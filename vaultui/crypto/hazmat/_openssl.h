/* What the compiled cipher offers to the other extension modules, behind one capsule:
 *
 *     const VaultuiCrypto *crypto = PyCapsule_Import(VAULTUI_CRYPTO_CAPSULE, 0);
 *
 * Every function may be called with or without the GIL, by one thread at a time for each
 * object; the caller keeps the object alive for the call. None of them raises a Python
 * exception, allocates, or keeps a pointer. The buffers of one call must not overlap.
 */

#ifndef VAULTUI_CRYPTO_HAZMAT_OPENSSL_H
#define VAULTUI_CRYPTO_HAZMAT_OPENSSL_H

#include <Python.h>
#include <stdint.h>

#define VAULTUI_CRYPTO_CAPSULE "vaultui.crypto.hazmat._openssl._C"
#define VAULTUI_CRYPTO_VERSION 1

enum { NAME_TEXT_MAX = 384, NAME_PLAIN_MAX = 255 };

typedef struct {
    int version;

    /* `content` is a GcmRuns object.
     *
     * Seals `size` bytes of plaintext as blocks of 4096 from `first_block` on, each under a
     * fresh random nonce, into `out`: `size` + 32 for each block. 0; or -1 when anything
     * fails, with all of `out` wiped. */
    int (*seal_run)(PyObject *content, uint64_t first_block, const uint8_t file_id[16],
                    const uint8_t *plain, size_t size, uint8_t *out);

    /* Opens `size` bytes of ciphertext blocks of 4128 into `out`, which has room for the
     * plaintext: at most `size` - 32 for each block. A full block of zeros is a hole and reads
     * as zeros. Returns the plaintext's length; or -1 for any damage, with all of that wiped. */
    Py_ssize_t (*open_run)(PyObject *content, uint64_t first_block, const uint8_t file_id[16],
                           const uint8_t *cipher, size_t size, uint8_t *out);

    /* `names` is an EmeNames object.
     *
     * Writes the text of the encrypted name, without a NUL, and returns its length; or -1 for
     * what can't be a name: empty, ".", "..", with "/" or NUL in it, or of more than 255
     * bytes. The text may be longer than a file name may be: the caller looks. */
    Py_ssize_t (*encrypt_name)(PyObject *names, const uint8_t iv[16], const uint8_t *name,
                               size_t size, uint8_t text[NAME_TEXT_MAX]);

    /* The reverse; accepts and refuses (-1, `name` wiped) exactly what NameCipher.decrypt
     * does. `name` needs the room of the longest one plus one: nothing longer is written. */
    Py_ssize_t (*decrypt_name)(PyObject *names, const uint8_t iv[16], const uint8_t *text,
                               size_t size, uint8_t name[NAME_PLAIN_MAX + 1]);

    /* `content` is a GcmRuns object. Fills `out` with random bytes for IVs and file IDs, from
     * the pool that nonces come from. 0; or -1 with all of `out` wiped. */
    int (*random_bytes)(PyObject *content, uint8_t *out, size_t size);
} VaultuiCrypto;

#endif
