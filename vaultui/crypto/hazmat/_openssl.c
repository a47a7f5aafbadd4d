/* AES-256-GCM over runs of content blocks, and EME over names, on the system's libcrypto.
 *
 * The same bytes come out as from vaultui.crypto.content and vaultui.crypto.filename, which
 * say what they mean; tests hold the two against each other. What is here is here because it
 * is called for every request: no Python objects, no locks, nothing allocated in between.
 *
 * Keys are handed to EVP contexts once, which keep the expanded ones and wipe them when they
 * are freed. A context and its key schedule live as long as the object; for each block only
 * the nonce is set. Python must not be called from the functions behind the capsule, since
 * they run without the GIL.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "_openssl.h"

enum {
    KEY_BYTES = 32,
    NONCE_BYTES = 16,
    TAG_BYTES = 16,
    OVERHEAD = NONCE_BYTES + TAG_BYTES,
    PLAIN_BLOCK = 4096,
    CIPHER_BLOCK = PLAIN_BLOCK + OVERHEAD,
    FILE_ID_BYTES = 16,
    AD_BYTES = 8 + FILE_ID_BYTES,

    EME_BLOCK = 16,
    NAME_BLOCKS = 16, /* a name of 255 bytes with its padding */
    PADDED_MAX = NAME_BLOCKS * EME_BLOCK,

    POOL_BYTES = 4096,
};

/* A library context of our own: the one that everybody shares reads openssl.cnf, where a
 * system may replace algorithms, and is torn down at exit under threads that still work. */
static OSSL_LIB_CTX *library;
static EVP_CIPHER *aes_gcm;
static EVP_CIPHER *aes_ecb;

static const uint8_t zeros[NONCE_BYTES];

/* --- randomness ------------------------------------------------------------------------ */

/* Random bytes drawn ahead, because a system call for each nonce takes as long as sealing a
 * small block. They lie on a page that the kernel empties in a child, whatever made the child
 * (MADV_WIPEONFORK), and so does their count: the child finds none left and draws its own. */
typedef struct {
    size_t left;
    uint8_t bytes[POOL_BYTES - sizeof(size_t)];
} Pool;

static int draw(uint8_t *out, size_t size)
{
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        out += got;
        size -= (size_t)got;
    }
    return 0;
}

static Pool *new_pool(void)
{
    void *page = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, POOL_BYTES, MADV_WIPEONFORK) != 0) {
        munmap(page, POOL_BYTES);
        return NULL;
    }
    (void)madvise(page, POOL_BYTES, MADV_DONTDUMP);
    return page;
}

static void free_pool(Pool *pool)
{
    if (pool == NULL)
        return;
    OPENSSL_cleanse(pool, sizeof *pool);
    munmap(pool, POOL_BYTES);
}

/* Without a pool, on a kernel that does not empty pages, each call draws for itself. */
static int take_random(Pool *pool, uint8_t *out, size_t size)
{
    if (pool == NULL || size > sizeof pool->bytes)
        return draw(out, size);
    if (pool->left < size) {
        pool->left = 0;
        if (draw(pool->bytes, sizeof pool->bytes) != 0) {
            OPENSSL_cleanse(pool->bytes, sizeof pool->bytes);
            return -1;
        }
        pool->left = sizeof pool->bytes;
    }
    pool->left -= size;
    uint8_t *taken = pool->bytes + pool->left;
    memcpy(out, taken, size);
    OPENSSL_cleanse(taken, size);
    return 0;
}

/* --- content --------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    EVP_CIPHER_CTX *sealing;
    EVP_CIPHER_CTX *opening;
    Pool *pool;
} GcmRuns;

static PyTypeObject GcmRunsType;

static void store_be64(uint8_t *at, uint64_t number)
{
    for (int i = 7; i >= 0; i--) {
        at[i] = (uint8_t)number;
        number >>= 8;
    }
}

/* `out` takes nonce, ciphertext and tag. */
static bool seal_block(GcmRuns *self, const uint8_t ad[AD_BYTES], const uint8_t *plain, int size,
                       uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = self->sealing;
    uint8_t *body = out + NONCE_BYTES;
    int n;
    OSSL_PARAM tag[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, body + size, TAG_BYTES),
        OSSL_PARAM_END,
    };
    return take_random(self->pool, out, NONCE_BYTES) == 0 &&
           EVP_EncryptInit_ex2(ctx, NULL, NULL, out, NULL) == 1 &&
           EVP_EncryptUpdate(ctx, NULL, &n, ad, AD_BYTES) == 1 &&
           EVP_EncryptUpdate(ctx, body, &n, plain, size) == 1 && n == size &&
           EVP_EncryptFinal_ex(ctx, body + size, &n) == 1 && EVP_CIPHER_CTX_get_params(ctx, tag) == 1;
}

/* `cipher` is nonce, `size` bytes of ciphertext, and tag. */
static bool open_block(GcmRuns *self, const uint8_t ad[AD_BYTES], const uint8_t *cipher, int size,
                       uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = self->opening;
    const uint8_t *body = cipher + NONCE_BYTES;
    int n;
    OSSL_PARAM tag[] = {
        /* It is read from; the parameter has no const to say so. */
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, (uint8_t *)body + size, TAG_BYTES),
        OSSL_PARAM_END,
    };
    return EVP_DecryptInit_ex2(ctx, NULL, NULL, cipher, tag) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &n, ad, AD_BYTES) == 1 &&
           EVP_DecryptUpdate(ctx, out, &n, body, size) == 1 && n == size &&
           EVP_DecryptFinal_ex(ctx, out + size, &n) == 1;
}

static bool is_hole(const uint8_t *block, size_t size)
{
    /* Zero in front, and each byte like the one before it. */
    return size == CIPHER_BLOCK && block[0] == 0 && memcmp(block, block + 1, CIPHER_BLOCK - 1) == 0;
}

static int seal_run(PyObject *content, uint64_t first_block, const uint8_t file_id[16],
                    const uint8_t *plain, size_t size, uint8_t *out)
{
    if (!Py_IS_TYPE(content, &GcmRunsType))
        return -1;
    uint8_t ad[AD_BYTES];
    memcpy(ad + 8, file_id, FILE_ID_BYTES);
    uint8_t *at = out;
    for (size_t done = 0; done < size; done += PLAIN_BLOCK) {
        size_t part = size - done < PLAIN_BLOCK ? size - done : PLAIN_BLOCK;
        store_be64(ad, first_block++);
        if (!seal_block((GcmRuns *)content, ad, plain + done, (int)part, at)) {
            OPENSSL_cleanse(out, size + OVERHEAD * ((size - 1) / PLAIN_BLOCK + 1));
            return -1;
        }
        at += part + OVERHEAD;
    }
    return 0;
}

/* A last block too short for a byte holds none. */
static size_t plain_size_of(size_t size)
{
    size_t last = size % CIPHER_BLOCK;
    return size / CIPHER_BLOCK * PLAIN_BLOCK + (last > OVERHEAD ? last - OVERHEAD : 0);
}

static Py_ssize_t open_run(PyObject *content, uint64_t first_block, const uint8_t file_id[16],
                           const uint8_t *cipher, size_t size, uint8_t *out)
{
    if (!Py_IS_TYPE(content, &GcmRunsType))
        return -1;
    size_t last = size % CIPHER_BLOCK;
    size_t plain_size = plain_size_of(size);
    bool whole = last == 0 || last > OVERHEAD;
    uint8_t ad[AD_BYTES];
    memcpy(ad + 8, file_id, FILE_ID_BYTES);
    uint8_t *at = out;
    for (size_t done = 0; whole && done < size; done += CIPHER_BLOCK) {
        size_t part = size - done < CIPHER_BLOCK ? size - done : CIPHER_BLOCK;
        const uint8_t *block = cipher + done;
        store_be64(ad, first_block++);
        if (memcmp(block, zeros, NONCE_BYTES) == 0) {
            whole = is_hole(block, part);
            if (whole)
                memset(at, 0, PLAIN_BLOCK);
        } else {
            whole = open_block((GcmRuns *)content, ad, block, (int)part - OVERHEAD, at);
        }
        at += part - OVERHEAD;
    }
    if (!whole) {
        /* The library has already written what it decrypted; nobody vouches for it. */
        OPENSSL_cleanse(out, plain_size);
        return -1;
    }
    return (Py_ssize_t)plain_size;
}

static int random_bytes(PyObject *content, uint8_t *out, size_t size)
{
    if (Py_IS_TYPE(content, &GcmRunsType) && take_random(((GcmRuns *)content)->pool, out, size) == 0)
        return 0;
    OPENSSL_cleanse(out, size);
    return -1;
}

/* --- names ----------------------------------------------------------------------------- */

/* A block as two little-endian halves, the low one first. */
typedef struct {
    uint64_t low, high;
} Block;

static Block load_block(const uint8_t *at)
{
    Block block = {0, 0};
    for (int i = 7; i >= 0; i--) {
        block.low = block.low << 8 | at[i];
        block.high = block.high << 8 | at[8 + i];
    }
    return block;
}

static void store_block(uint8_t *at, Block block)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)(block.low >> 8 * i);
        at[8 + i] = (uint8_t)(block.high >> 8 * i);
    }
}

static Block mixed(Block a, Block b)
{
    return (Block){a.low ^ b.low, a.high ^ b.high};
}

/* Twice the block in GF(2^128); x^128 = x^7 + x^2 + x + 1. */
static Block doubled(Block block)
{
    uint64_t carry = block.high >> 63;
    return (Block){block.low << 1 ^ (0x87 & (0 - carry)), block.high << 1 | block.low >> 63};
}

typedef struct {
    PyObject_HEAD
    EVP_CIPHER_CTX *encrypting;
    EVP_CIPHER_CTX *decrypting;
    Block masks[NAME_BLOCKS]; /* L, 2L, 4L...: what each block is masked with */
    bool padded;              /* whether base64 ends in '=' */
} EmeNames;

static PyTypeObject EmeNamesType;

static bool ecb(EVP_CIPHER_CTX *ctx, uint8_t *data, int size)
{
    int n;
    return EVP_CipherUpdate(ctx, data, &n, data, size) == 1 && n == size;
}

/* Encrypts or decrypts `size` bytes in place, whole blocks and at least one, by the direction
 * of `ctx`; vaultui.crypto.hazmat.eme tells the mode. */
static bool eme(EmeNames *self, EVP_CIPHER_CTX *ctx, const uint8_t iv[16], uint8_t *data, int size)
{
    int count = size / EME_BLOCK;
    for (int i = 0; i < count; i++) {
        uint8_t *at = data + EME_BLOCK * i;
        store_block(at, mixed(load_block(at), self->masks[i]));
    }
    if (!ecb(ctx, data, size))
        return false;

    Block tweak = load_block(iv);
    Block sum = tweak;
    for (int i = 0; i < count; i++)
        sum = mixed(sum, load_block(data + EME_BLOCK * i));
    uint8_t middle[EME_BLOCK];
    store_block(middle, sum);
    if (!ecb(ctx, middle, EME_BLOCK))
        return false;
    Block answer = load_block(middle);

    Block factor = mixed(sum, answer);
    Block first = mixed(answer, tweak);
    for (int i = 1; i < count; i++) {
        uint8_t *at = data + EME_BLOCK * i;
        factor = doubled(factor);
        Block outer = mixed(load_block(at), factor);
        first = mixed(first, outer);
        store_block(at, outer);
    }
    store_block(data, first);
    if (!ecb(ctx, data, size))
        return false;
    for (int i = 0; i < count; i++) {
        uint8_t *at = data + EME_BLOCK * i;
        store_block(at, mixed(load_block(at), self->masks[i]));
    }
    return true;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static uint8_t values[256]; /* of each letter; 64 and above for what is none */

static size_t encode(const uint8_t *data, size_t size, bool padded, uint8_t *text)
{
    uint8_t *at = text;
    size_t done = 0;
    for (; done + 3 <= size; done += 3) {
        uint32_t bits = (uint32_t)data[done] << 16 | (uint32_t)data[done + 1] << 8 | data[done + 2];
        *at++ = (uint8_t)alphabet[bits >> 18];
        *at++ = (uint8_t)alphabet[bits >> 12 & 63];
        *at++ = (uint8_t)alphabet[bits >> 6 & 63];
        *at++ = (uint8_t)alphabet[bits & 63];
    }
    size_t rest = size - done;
    if (rest > 0) {
        uint32_t bits = (uint32_t)data[done] << 16 | (rest == 2 ? (uint32_t)data[done + 1] << 8 : 0);
        *at++ = (uint8_t)alphabet[bits >> 18];
        *at++ = (uint8_t)alphabet[bits >> 12 & 63];
        if (rest == 2)
            *at++ = (uint8_t)alphabet[bits >> 6 & 63];
        for (size_t i = rest; padded && i < 3; i++)
            *at++ = '=';
    }
    return (size_t)(at - text);
}

/* Returns how many bytes the text stands for, or 0 for text that is empty, too long, or not
 * exactly what `encode` makes of them. `data` has room for PADDED_MAX bytes. */
static size_t decode(const uint8_t *text, size_t size, bool padded, uint8_t *data)
{
    if (padded) {
        if (size % 4 != 0)
            return 0;
        /* At most two, else the letters that remain are too few for a byte. */
        for (int i = 0; i < 2 && size > 0 && text[size - 1] == '='; i++)
            size--;
    }
    size_t rest = size % 4;
    size_t bytes = size / 4 * 3 + (rest > 0 ? rest - 1 : 0);
    if (rest == 1 || bytes > PADDED_MAX)
        return 0;
    uint32_t bits = 0, foreign = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t value = values[text[i]];
        foreign |= value;
        bits = bits << 6 | (value & 63);
        if (i % 4 == 3) {
            *data++ = (uint8_t)(bits >> 16);
            *data++ = (uint8_t)(bits >> 8);
            *data++ = (uint8_t)bits;
        }
    }
    if (rest == 2) {
        *data++ = (uint8_t)(bits >> 4);
        foreign |= (bits & 15) << 6;
    } else if (rest == 3) {
        *data++ = (uint8_t)(bits >> 10);
        *data++ = (uint8_t)(bits >> 2);
        foreign |= (bits & 3) << 6;
    }
    return foreign < 64 ? bytes : 0;
}

static bool is_plain_name(const uint8_t *name, size_t size)
{
    if (size == 0 || size > NAME_PLAIN_MAX)
        return false;
    if (name[0] == '.' && (size == 1 || (size == 2 && name[1] == '.')))
        return false;
    return memchr(name, '/', size) == NULL && memchr(name, 0, size) == NULL;
}

static Py_ssize_t encrypt_name(PyObject *names, const uint8_t iv[16], const uint8_t *name,
                               size_t size, uint8_t text[NAME_TEXT_MAX])
{
    EmeNames *self = (EmeNames *)names;
    if (!Py_IS_TYPE(names, &EmeNamesType) || !is_plain_name(name, size))
        return -1;
    uint8_t data[PADDED_MAX];
    size_t padding = EME_BLOCK - size % EME_BLOCK;
    size_t padded_size = size + padding;
    memcpy(data, name, size);
    memset(data + size, (int)padding, padding);
    if (!eme(self, self->encrypting, iv, data, (int)padded_size)) {
        OPENSSL_cleanse(data, sizeof data);
        return -1;
    }
    return (Py_ssize_t)encode(data, padded_size, self->padded, text);
}

static Py_ssize_t decrypt_name(PyObject *names, const uint8_t iv[16], const uint8_t *text,
                               size_t size, uint8_t name[NAME_PLAIN_MAX + 1])
{
    EmeNames *self = (EmeNames *)names;
    uint8_t *data = name;
    _Static_assert(PADDED_MAX == NAME_PLAIN_MAX + 1, "a padded name is decrypted in its place");
    if (!Py_IS_TYPE(names, &EmeNamesType))
        return -1;
    size_t padded_size = decode(text, size, self->padded, data);
    if (padded_size == 0 || padded_size % EME_BLOCK != 0 ||
        !eme(self, self->decrypting, iv, data, (int)padded_size))
        goto refused;
    uint8_t padding = data[padded_size - 1];
    if (padding < 1 || padding > EME_BLOCK)
        goto refused;
    for (size_t i = padded_size - padding; i < padded_size; i++)
        if (data[i] != padding)
            goto refused;
    size_t plain_size = padded_size - padding;
    if (!is_plain_name(name, plain_size))
        goto refused;
    memset(name + plain_size, 0, padding);
    return (Py_ssize_t)plain_size;
refused:
    OPENSSL_cleanse(name, PADDED_MAX);
    return -1;
}

/* --- the same for Python --------------------------------------------------------------- */

static PyObject *libcrypto_failed(void)
{
    PyErr_SetString(PyExc_RuntimeError, "libcrypto refused");
    return NULL;
}

static EVP_CIPHER_CTX *new_context(const EVP_CIPHER *cipher, const Py_buffer *key, bool sealing)
{
    size_t nonce_bytes = NONCE_BYTES;
    OSSL_PARAM nonce_length[] = {
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &nonce_bytes),
        OSSL_PARAM_END,
    };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL)
        return NULL;
    if (EVP_CipherInit_ex2(ctx, cipher, key->buf, NULL, sealing, cipher == aes_gcm ? nonce_length : NULL) == 1 &&
        (cipher == aes_gcm || EVP_CIPHER_CTX_set_padding(ctx, 0) == 1))
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

static bool is_long(const Py_buffer *buffer, Py_ssize_t size, const char *what)
{
    if (buffer->len == size)
        return true;
    PyErr_Format(PyExc_ValueError, "the %s is %zd bytes, not %zd", what, size, buffer->len);
    return false;
}

static PyObject *gcm_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", NULL};
    Py_buffer key;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*:GcmRuns", names, &key))
        return NULL;
    GcmRuns *self = NULL;
    if (is_long(&key, KEY_BYTES, "key") && (self = (GcmRuns *)type->tp_alloc(type, 0)) != NULL) {
        self->sealing = new_context(aes_gcm, &key, true);
        self->opening = new_context(aes_gcm, &key, false);
        self->pool = new_pool();
        if (self->sealing == NULL || self->opening == NULL) {
            Py_CLEAR(self);
            libcrypto_failed();
        }
    }
    PyBuffer_Release(&key);
    return (PyObject *)self;
}

static void gcm_dealloc(PyObject *object)
{
    GcmRuns *self = (GcmRuns *)object;
    EVP_CIPHER_CTX_free(self->sealing);
    EVP_CIPHER_CTX_free(self->opening);
    free_pool(self->pool);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *gcm_seal(PyObject *self, PyObject *args)
{
    unsigned long long first_block;
    Py_buffer file_id, plain;
    if (!PyArg_ParseTuple(args, "Ky*y*:seal", &first_block, &file_id, &plain))
        return NULL;
    PyObject *answer = NULL;
    if (is_long(&file_id, FILE_ID_BYTES, "file ID")) {
        Py_ssize_t blocks = (plain.len + PLAIN_BLOCK - 1) / PLAIN_BLOCK;
        answer = PyBytes_FromStringAndSize(NULL, plain.len + OVERHEAD * blocks);
        if (answer != NULL && seal_run(self, first_block, file_id.buf, plain.buf, (size_t)plain.len,
                                       (uint8_t *)PyBytes_AS_STRING(answer)) != 0) {
            Py_CLEAR(answer);
            libcrypto_failed();
        }
    }
    PyBuffer_Release(&file_id);
    PyBuffer_Release(&plain);
    return answer;
}

static PyObject *gcm_open(PyObject *self, PyObject *args)
{
    unsigned long long first_block;
    Py_buffer file_id, cipher;
    if (!PyArg_ParseTuple(args, "Ky*y*:open", &first_block, &file_id, &cipher))
        return NULL;
    PyObject *answer = NULL;
    size_t size = (size_t)cipher.len;
    if (is_long(&file_id, FILE_ID_BYTES, "file ID"))
        answer = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)plain_size_of(size));
    if (answer != NULL && open_run(self, first_block, file_id.buf, cipher.buf, size,
                                   (uint8_t *)PyBytes_AS_STRING(answer)) < 0) {
        Py_CLEAR(answer);
        PyErr_SetString(PyExc_ValueError, "it is damaged");
    }
    PyBuffer_Release(&file_id);
    PyBuffer_Release(&cipher);
    return answer;
}

static PyObject *gcm_open_into(PyObject *self, PyObject *args)
{
    unsigned long long first_block;
    Py_buffer file_id, cipher, out;
    if (!PyArg_ParseTuple(args, "Ky*y*w*:open_into", &first_block, &file_id, &cipher, &out))
        return NULL;
    PyObject *answer = NULL;
    if (is_long(&file_id, FILE_ID_BYTES, "file ID") && is_long(&out, cipher.len, "buffer"))
        answer = PyLong_FromSsize_t(open_run(self, first_block, file_id.buf, cipher.buf,
                                             (size_t)cipher.len, out.buf));
    PyBuffer_Release(&file_id);
    PyBuffer_Release(&cipher);
    PyBuffer_Release(&out);
    return answer;
}

static PyObject *gcm_random(PyObject *self, PyObject *size_object)
{
    Py_ssize_t size = PyLong_AsSsize_t(size_object);
    if (size == -1 && PyErr_Occurred())
        return NULL;
    if (size < 0)
        return PyErr_Format(PyExc_ValueError, "the size is negative");
    PyObject *answer = PyBytes_FromStringAndSize(NULL, size);
    if (answer != NULL &&
        random_bytes(self, (uint8_t *)PyBytes_AS_STRING(answer), (size_t)size) != 0) {
        Py_CLEAR(answer);
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return answer;
}

static PyMethodDef gcm_methods[] = {
    {"seal", gcm_seal, METH_VARARGS,
     "seal(first_block, file_id, plaintext)\n--\n\nReturn the ciphertext of a run of blocks."},
    {"open", gcm_open, METH_VARARGS,
     "open(first_block, file_id, ciphertext)\n--\n\nReturn the plaintext; ValueError for damage."},
    {"open_into", gcm_open_into, METH_VARARGS,
     "open_into(first_block, file_id, ciphertext, out)\n--\n\n"
     "Open into a buffer as long as the ciphertext; return the plaintext's length or -1."},
    {"random", gcm_random, METH_O, "random(size)\n--\n\nReturn bytes from where nonces come from."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject GcmRunsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "vaultui.crypto.hazmat._openssl.GcmRuns",
    .tp_basicsize = sizeof(GcmRuns),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "GcmRuns(key)\n--\n\nRuns of blocks in AES-256-GCM with nonces of 16 bytes.",
    .tp_new = gcm_new,
    .tp_dealloc = gcm_dealloc,
    .tp_methods = gcm_methods,
};

static PyObject *eme_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"key", "raw64", NULL};
    Py_buffer key;
    int raw64;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*p:EmeNames", names, &key, &raw64))
        return NULL;
    EmeNames *self = NULL;
    if (is_long(&key, KEY_BYTES, "key") && (self = (EmeNames *)type->tp_alloc(type, 0)) != NULL) {
        uint8_t zero[EME_BLOCK] = {0};
        self->padded = !raw64;
        self->encrypting = new_context(aes_ecb, &key, true);
        self->decrypting = new_context(aes_ecb, &key, false);
        if (self->encrypting == NULL || self->decrypting == NULL ||
            !ecb(self->encrypting, zero, EME_BLOCK)) {
            Py_CLEAR(self);
            libcrypto_failed();
        } else {
            Block mask = load_block(zero);
            for (int i = 0; i < NAME_BLOCKS; i++)
                self->masks[i] = mask = doubled(mask);
            OPENSSL_cleanse(&mask, sizeof mask);
        }
        OPENSSL_cleanse(zero, sizeof zero);
    }
    PyBuffer_Release(&key);
    return (PyObject *)self;
}

static void eme_dealloc(PyObject *object)
{
    EmeNames *self = (EmeNames *)object;
    EVP_CIPHER_CTX_free(self->encrypting);
    EVP_CIPHER_CTX_free(self->decrypting);
    OPENSSL_cleanse(self->masks, sizeof self->masks);
    Py_TYPE(object)->tp_free(object);
}

static PyObject *eme_method(PyObject *self, PyObject *args, bool encrypting)
{
    Py_buffer iv, given;
    if (!PyArg_ParseTuple(args, "y*y*", &iv, &given))
        return NULL;
    PyObject *answer = NULL;
    if (is_long(&iv, EME_BLOCK, "IV")) {
        uint8_t text[NAME_TEXT_MAX], name[NAME_PLAIN_MAX + 1];
        size_t given_size = (size_t)given.len;
        Py_ssize_t size = encrypting ? encrypt_name(self, iv.buf, given.buf, given_size, text)
                                     : decrypt_name(self, iv.buf, given.buf, given_size, name);
        if (size < 0)
            PyErr_SetString(PyExc_ValueError, "it is no name");
        else
            answer = PyBytes_FromStringAndSize((char *)(encrypting ? text : name), size);
    }
    PyBuffer_Release(&iv);
    PyBuffer_Release(&given);
    return answer;
}

static PyObject *eme_encrypt(PyObject *self, PyObject *args)
{
    return eme_method(self, args, true);
}

static PyObject *eme_decrypt(PyObject *self, PyObject *args)
{
    return eme_method(self, args, false);
}

static PyMethodDef eme_methods[] = {
    {"encrypt", eme_encrypt, METH_VARARGS,
     "encrypt(dir_iv, name)\n--\n\nReturn the encrypted name; ValueError for what can't be one."},
    {"decrypt", eme_decrypt, METH_VARARGS,
     "decrypt(dir_iv, cname)\n--\n\nReturn the name stored as `cname`; ValueError if there is none."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject EmeNamesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "vaultui.crypto.hazmat._openssl.EmeNames",
    .tp_basicsize = sizeof(EmeNames),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "EmeNames(key, raw64)\n--\n\nNames in EME and base64, without '=' where raw.",
    .tp_new = eme_new,
    .tp_dealloc = eme_dealloc,
    .tp_methods = eme_methods,
};

static VaultuiCrypto functions = {
    .version = VAULTUI_CRYPTO_VERSION,
    .seal_run = seal_run,
    .open_run = open_run,
    .encrypt_name = encrypt_name,
    .decrypt_name = decrypt_name,
    .random_bytes = random_bytes,
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "vaultui.crypto.hazmat._openssl",
    .m_doc = "AES-256-GCM and EME on the system's libcrypto; see _openssl.h for C callers.",
    .m_size = -1,
};

static int add(PyObject *module, const char *name, PyObject *object)
{
    int failed = PyModule_AddObjectRef(module, name, object);
    Py_XDECREF(object);
    return failed;
}

PyMODINIT_FUNC PyInit__openssl(void)
{
    memset(values, 0xff, sizeof values);
    for (uint8_t i = 0; i < 64; i++)
        values[(uint8_t)alphabet[i]] = i;

    if (library == NULL && (library = OSSL_LIB_CTX_new()) == NULL)
        return PyErr_NoMemory();
    if (aes_gcm == NULL)
        aes_gcm = EVP_CIPHER_fetch(library, "AES-256-GCM", NULL);
    if (aes_ecb == NULL)
        aes_ecb = EVP_CIPHER_fetch(library, "AES-256-ECB", NULL);
    if (aes_gcm == NULL || aes_ecb == NULL) {
        PyErr_SetString(PyExc_ImportError, "this libcrypto has no AES");
        return NULL;
    }

    PyObject *module = PyModule_Create(&definition);
    if (module == NULL)
        return NULL;
    if (PyModule_AddType(module, &GcmRunsType) != 0 || PyModule_AddType(module, &EmeNamesType) != 0 ||
        add(module, "_C", PyCapsule_New(&functions, VAULTUI_CRYPTO_CAPSULE, NULL)) != 0 ||
        add(module, "openssl_version", PyUnicode_FromString(OpenSSL_version(OPENSSL_VERSION))) != 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
