/* Content of files: what FileIO.read and FileIO.write do when all goes well.
 *
 * The lock of the file is not taken. FileIO has it for callers in several threads; in a process
 * that serves a mount the only one is the data plane's thread, which is also the one here.
 */

#include "hotpath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHIFT = 12, REST = PLAIN_BLOCK - 1, OVERHEAD = CIPHER_BLOCK - PLAIN_BLOCK };

_Static_assert(1 << SHIFT == PLAIN_BLOCK, "a block is a power of two");

/* As in space.py. */
#define LOOK_EVERY_S 1.0

/* Below this, in bytes, a read that would wait lets others go first. Larger ones keep a disk busy by
 * themselves, and what was copied of them in vain would cost more than it brings. */
#define SMALL (256 << 10)

/* Offsets from here on have no place in a ciphertext file that system calls know a number for. */
#define OFFSET_END (UINT64_C(1) << 62)

/* A handle with what is used of it while the interpreter's lock is given up. */
typedef struct {
    PyObject *handle; /* owned; it keeps `file`, and that keeps `node` */
    PyObject *file, *node;
    int fd;
    bool has_id;
    uint8_t id[FILE_ID_BYTES];
} Open;

/* False where there is no such handle. */
static bool take_handle(Hot *hot, uint64_t number, Open *open)
{
    PyObject *id;

    open->handle = item_of(hot->file_handles, number);
    if (!open->handle)
        return false;
    Py_INCREF(open->handle);
    open->file = slot(open->handle, hot->file_handle.file);
    open->node = slot(open->file, hot->open_file.node);
    open->fd = fd_of(open->handle, hot->file_handle.fd);
    id = slot(open->file, hot->open_file.file_id);
    open->has_id = !is_none(id);
    if (open->has_id)
        memcpy(open->id, PyBytes_AS_STRING(id), FILE_ID_BYTES);
    return true;
}

/* --- file IDs ---------------------------------------------------------------------------- */

static const uint8_t NO_ID[FILE_ID_BYTES];

/* parse_header; false for any damage. */
static bool parse_header(Open *open, const uint8_t header[HEADER_BYTES])
{
    if (header[0] != 0 || header[1] != 2 || !memcmp(header + 2, NO_ID, FILE_ID_BYTES))
        return false;
    memcpy(open->id, header + 2, FILE_ID_BYTES);
    open->has_id = true;
    return true;
}

/* Notes that the header has this ID now. */
static bool note_id(Hot *hot, const Open *open)
{
    PyObject *now = PyFloat_FromDouble(monotonic());
    PyObject *id = slot(open->file, hot->open_file.file_id);

    if (!now)
        return false;
    if (is_none(id) || memcmp(PyBytes_AS_STRING(id), open->id, FILE_ID_BYTES)) {
        id = PyBytes_FromStringAndSize((const char *)open->id, FILE_ID_BYTES);
        if (!id) {
            Py_DECREF(now);
            return false;
        }
        set_slot(open->file, hot->open_file.file_id, id);
    }
    set_slot(open->file, hot->open_file.checked, now);
    return true;
}

/* What a look at the disk ends with, other than a number of bytes. */
enum {
    COLD_READ = -1,  /* Python must look */
    WOULD_WAIT = -2, /* it is in no cache, and on its way */
};

/* pread; where the request may be put off, without waiting for the disk. A result that is short
 * is the end of the file, which is likely to be at `likely_end`. */
static Py_ssize_t fetch(Hot *hot, int fd, uint8_t *into, size_t size, uint64_t at,
                        uint64_t likely_end)
{
    ssize_t got;

    if (!hot->may_wait && size <= SMALL) {
        struct iovec room = {.iov_base = into, .iov_len = size};

        got = preadv2(fd, &room, 1, (off_t)at, RWF_NOWAIT);
        if (got == (ssize_t)size || (got > 0 && at + (uint64_t)got == likely_end))
            return got;
        if (got > 0) {
            room = (struct iovec){.iov_base = into + got, .iov_len = size - (size_t)got};
            if (preadv2(fd, &room, 1, (off_t)at + got, RWF_NOWAIT) == 0)
                return got;
        }
        if (got > 0 || (got < 0 && errno == EAGAIN)) {
            UNLOCKED(posix_fadvise(fd, (off_t)at, (off_t)size, POSIX_FADV_WILLNEED));
            return WOULD_WAIT;
        }
    }
    UNLOCKED(got = pread(fd, into, size, (off_t)at));
    return got < 0 ? COLD_READ : got;
}

/* 0, or what is wrong. */
static Py_ssize_t load_id(Hot *hot, Open *open)
{
    uint8_t header[HEADER_BYTES];
    Py_ssize_t got = fetch(hot, open->fd, header, sizeof header, 0, 0);

    if (got < 0)
        return got;
    return got == (Py_ssize_t)sizeof header && parse_header(open, header) && note_id(hot, open)
               ? 0
               : COLD_READ;
}

/* FileIO._check_id */
static Py_ssize_t check_id(Hot *hot, Open *open)
{
    PyObject *checked = slot(open->file, hot->open_file.checked);

    if (open->has_id && monotonic() - PyFloat_AS_DOUBLE(checked) <= hot->coherence_s)
        return 0;
    return load_id(hot, open);
}

/* Where a ciphertext file of this much plaintext ends. */
static uint64_t cipher_end(uint64_t size)
{
    return size ? cipher_offset(size >> SHIFT) + (size & REST) + (size & REST ? OVERHEAD : 0) : 0;
}

/* --- reading ----------------------------------------------------------------------------- */

/* Opens up to `count` blocks into `plain`: how many bytes that are, fewer at the end of the file;
 * or what is wrong, `plain` wiped. */
static Py_ssize_t read_run(Hot *hot, Open *open, uint64_t first, size_t count, uint8_t *plain)
{
    size_t wanted = count * CIPHER_BLOCK;
    uint64_t at = cipher_offset(first);
    uint64_t end = cipher_end(u64_of(slot(open->node, hot->node.shown_size)));
    size_t header = 0;
    Py_ssize_t got;

    if (!open->has_id && first) {
        if ((got = load_id(hot, open)) < 0)
            return got;
    } else if (!open->has_id) {
        /* The header comes along with the first blocks. */
        header = HEADER_BYTES;
        at = 0;
    }
    if ((got = fetch(hot, open->fd, hot->cipher, header + wanted, at, end)) < 0)
        return got;
    if (header && got && got != HEADER_BYTES) {
        if (got < HEADER_BYTES || !parse_header(open, hot->cipher) || !note_id(hot, open))
            return COLD_READ;
        got -= HEADER_BYTES;
    } else if (header) {
        return 0;
    }
    if (!got)
        return 0;
    return hot->crypto->open_run(hot->content, first, open->id, hot->cipher + header, (size_t)got,
                                 plain);
}

Outcome hot_read(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_read_in *in = argument;
    struct iovec parts[2];
    uint64_t first, count;
    size_t skip, available;
    Py_ssize_t plain;
    Open open;

    if (size < sizeof *in || is_none(hot->content) || !in->size || in->offset >= OFFSET_END)
        return COLD;
    first = in->offset >> SHIFT;
    count = ((in->offset + in->size + REST) >> SHIFT) - first;
    if (count > RUN_BLOCKS || !take_handle(hot, in->fh, &open))
        return COLD;
    plain = read_run(hot, &open, first, (size_t)count, hot->plain);
    Py_DECREF(open.handle);
    if (plain < 0)
        return plain == WOULD_WAIT ? LATER : COLD;
    skip = in->offset & REST;
    available = (size_t)plain > skip ? (size_t)plain - skip : 0;
    if (available > in->size)
        available = in->size;
    hot->counts_read += available;
    parts[1] = (struct iovec){.iov_base = hot->plain + skip, .iov_len = available};
    return reply_parts(hot, request, parts, 2);
}

/* --- writing ----------------------------------------------------------------------------- */

/* One write, under the names that FileIO._write has for its parts. */
typedef struct {
    Open open;
    const uint8_t *data;
    size_t size;
    uint64_t offset, end;
    uint64_t believed;    /* the end, as the kernel sees it */
    uint64_t old;         /* the plaintext's size */
    uint64_t cipher_size; /* the file's */
    uint64_t first;       /* block */
    size_t head, tail;
    uint64_t at, stop;    /* of the run on disk */
    size_t kept_size;     /* of what is written over, from `at` on */
    bool is_empty;
    /* The run in three: a first block that is put together, what comes as it is, and a last block
     * that is put together. */
    size_t first_size, middle_size, last_size;
} Write;

/* What is written over, for the case of failure. */
static uint8_t *kept;

/* Reads it, up to `stop`; less than 0 for what is wrong. */
static Py_ssize_t keep(Hot *hot, Write *write, uint64_t stop)
{
    Py_ssize_t got;

    if (stop > write->cipher_size)
        stop = write->cipher_size;
    if (stop <= write->at)
        return 0;
    write->kept_size = (size_t)(stop - write->at);
    if (write->kept_size > (size_t)RUN_BLOCKS * CIPHER_BLOCK)
        return COLD_READ;
    if (!kept && !(kept = malloc((size_t)RUN_BLOCKS * CIPHER_BLOCK)))
        return COLD_READ;
    got = fetch(hot, write->open.fd, kept, write->kept_size, write->at, write->cipher_size);
    return got < 0 || got == (Py_ssize_t)write->kept_size ? got : COLD_READ;
}

/* The plaintext of one block that is written in part; as read_run. */
static Py_ssize_t old_block(Hot *hot, Write *write, uint64_t block, uint8_t *plain)
{
    size_t from = (size_t)(block - write->first) * CIPHER_BLOCK;
    size_t size;

    if (!write->kept_size)
        return read_run(hot, &write->open, block, 1, plain);
    if (from >= write->kept_size)
        return 0;
    size = write->kept_size - from;
    if (size > CIPHER_BLOCK)
        size = CIPHER_BLOCK;
    return hot->crypto->open_run(hot->content, block, write->open.id, kept + from, size, plain);
}

/* Puts the blocks together that are written in part, the first at hot->plain and the last behind
 * it; less than 0 for what is wrong. */
static Py_ssize_t assemble(Hot *hot, Write *write)
{
    uint8_t *first = hot->plain, *last = hot->plain + PLAIN_BLOCK;
    bool keeps_tail = write->tail && write->end < write->old;
    size_t rest = write->size;
    Py_ssize_t got;

    if (write->head) {
        size_t part = PLAIN_BLOCK - write->head;
        size_t before = 0;

        if (write->first << SHIFT < write->old) {
            if ((got = old_block(hot, write, write->first, first)) < 0)
                return got;
            before = (size_t)got;
        }
        if (before < write->head)
            memset(first + before, 0, write->head - before);
        if (part > write->size)
            part = write->size;
        memcpy(first + write->head, write->data, part);
        write->first_size = write->head + part;
        rest -= part;
        if (!rest) {
            if (write->end < write->old && before > write->first_size)
                write->first_size = before;
            return 0;
        }
    }
    write->middle_size = rest;
    if (keeps_tail) {
        if ((got = old_block(hot, write, write->end >> SHIFT, last)) < 0)
            return got;
        memcpy(last, write->data + write->size - write->tail, write->tail);
        write->last_size = (size_t)got > write->tail ? (size_t)got : write->tail;
        write->middle_size -= write->tail;
    }
    return 0;
}

/* Size on disk of `size` bytes of plaintext in blocks from a block's start on. */
static size_t run_size(size_t size)
{
    return size + (size + REST) / PLAIN_BLOCK * OVERHEAD;
}

static PyObject *attribute(PyObject *object, PyObject **name, const char *text)
{
    if (!*name && !(*name = PyUnicode_InternFromString(text)))
        return NULL;
    return PyObject_GetAttr(object, *name);
}

/* Space.before_write where there is plenty; false where it has more to do, with nothing changed. */
static bool takes_of_plenty(Hot *hot, const Open *open, uint64_t start, uint64_t stop, uint64_t end)
{
    static PyObject *prealloc_name, *budget_name, *device_name, *looked_at_name;
    uint64_t allocated = u64_of(slot(open->file, hot->open_file.allocated));
    PyObject *key = slot(open->node, hot->node.key);
    PyObject *prealloc, *budget = NULL, *device = NULL, *looked_at = NULL, *left = NULL;
    int64_t size = (int64_t)(stop - start), rest;
    bool is_plenty = false;

    if (!(prealloc = attribute(hot->space, &prealloc_name, "_prealloc")))
        return false;
    Py_DECREF(prealloc);
    if (prealloc == Py_False)
        return true;
    if (allocated < end)
        return false;
    budget = attribute(hot->space, &budget_name, "_budget");
    device = attribute(hot->space, &device_name, "_device");
    looked_at = attribute(hot->space, &looked_at_name, "_looked_at");
    if (!budget || !device || !looked_at || !PyFloat_CheckExact(looked_at))
        goto out;
    rest = i64_of(budget) - size;
    if (rest <= size || u64_of(device) != u64_of(PyTuple_GET_ITEM(key, 0)) ||
        monotonic() - PyFloat_AS_DOUBLE(looked_at) > LOOK_EVERY_S)
        goto out;
    if (!(left = PyLong_FromLongLong(rest)) ||
        (start <= allocated && !set_i64(open->file, hot->open_file.allocated, (int64_t)stop)))
        goto out;
    /* Should only this fail, Python reserves nothing, and is asked to once more. */
    is_plenty = PyObject_SetAttr(hot->space, budget_name, left) == 0;
out:
    Py_XDECREF(budget);
    Py_XDECREF(device);
    Py_XDECREF(looked_at);
    Py_XDECREF(left);
    return is_plenty;
}

/* FileIO._reserve */
static bool reserve(Hot *hot, const Write *write)
{
    const Open *open = &write->open;
    uint64_t start = write->at == HEADER_BYTES ? 0 : write->at;
    PyObject *done;

    if (write->stop <= u64_of(slot(open->file, hot->open_file.allocated)) ||
        takes_of_plenty(hot, open, start, write->stop, write->cipher_size))
        return true;
    PyErr_Clear();
    done = PyObject_CallMethod(hot->space, "before_write", "OiKKK", open->file, open->fd,
                               (unsigned long long)start, (unsigned long long)write->stop,
                               (unsigned long long)write->cipher_size);
    Py_XDECREF(done);
    return done != NULL;
}

static bool seal(Hot *hot, const Write *write, uint8_t *out)
{
    uint64_t block = write->first;
    const uint8_t *middle = write->data + write->size - write->middle_size;

    if (write->last_size)
        middle -= write->tail;
    if (write->first_size) {
        if (hot->crypto->seal_run(hot->content, block++, write->open.id, hot->plain,
                                  write->first_size, out) < 0)
            return false;
        out += run_size(write->first_size);
    }
    if (write->middle_size) {
        if (hot->crypto->seal_run(hot->content, block, write->open.id, middle, write->middle_size,
                                  out) < 0)
            return false;
        block += write->middle_size >> SHIFT;
        out += run_size(write->middle_size);
    }
    return !write->last_size ||
           hot->crypto->seal_run(hot->content, block, write->open.id, hot->plain + PLAIN_BLOCK,
                                 write->last_size, out) == 0;
}

/* Returns how much was written; less than all comes with an errno. */
static size_t pwrite_all(int fd, const uint8_t *data, size_t size, uint64_t at)
{
    size_t done = 0;

    while (done < size) {
        ssize_t wrote = pwrite(fd, data + done, size - done, (off_t)(at + done));

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0) {
            if (!wrote)
                errno = EIO; /* of a file that says nothing and takes nothing */
            break;
        }
        done += (size_t)wrote;
    }
    return done;
}

/* Undoes a write of which `done` bytes came through; false if it can't be undone. */
static bool undo(const Write *write, size_t done)
{
    int fd = write->open.fd;
    bool is_undone = !done || write->end > write->old || write->kept_size;

    if (write->end > write->old && ftruncate(fd, (off_t)write->cipher_size) < 0)
        is_undone = !done;
    if (done && pwrite_all(fd, kept, write->kept_size, write->at) < write->kept_size)
        is_undone = false;
    return is_undone;
}

/* FileIO._report_full, and what it is that the caller gets. */
static Outcome fail(Hot *hot, const Request *request, const Write *write, int number)
{
    PyObject *error = PyObject_CallFunction(PyExc_OSError, "is", number, strerror(number));
    PyObject *told = NULL;

    if (error)
        told = PyObject_CallMethod(hot->io, "_report_full", "OO", write->open.file, error);
    Py_XDECREF(told);
    Py_XDECREF(error);
    PyErr_Clear();
    return reply_error(hot, request, number);
}

static Outcome write_run(Hot *hot, const Request *request, Write *write)
{
    Open *open = &write->open;
    struct fuse_write_out out = {.size = (uint32_t)write->size};
    size_t wanted, done;
    Py_ssize_t got;
    int number = 0;

    write->old = plain_size(hot, write->cipher_size);
    /* Less than a header is damage, and a header alone is somebody else's. */
    if (write->cipher_size && write->cipher_size <= HEADER_BYTES)
        return COLD;
    write->is_empty = !write->cipher_size;
    if (u64_of(slot(open->file, hot->open_file.allocated)) > write->cipher_size &&
        !set_i64(open->file, hot->open_file.allocated, (int64_t)write->cipher_size))
        return COLD;
    if (!write->is_empty && (got = check_id(hot, open)) < 0)
        return got == WOULD_WAIT ? LATER : COLD;
    write->first = write->offset >> SHIFT;
    write->end = write->offset + write->size;
    write->head = write->offset & REST;
    write->tail = write->end & REST;
    if (write->first > write->old >> SHIFT)
        return COLD; /* it leaves a hole */
    write->at = cipher_offset(write->first);

    got = 0;
    if (write->end > write->old)
        got = keep(hot, write, write->cipher_size);
    else if (!hot->has_in_place_device ||
             u64_of(PyTuple_GET_ITEM(slot(open->node, hot->node.key), 0)) != hot->in_place_device)
        got = keep(hot, write, cipher_offset((write->end + REST) >> SHIFT));
    if (got >= 0 && (got = assemble(hot, write)) < 0)
        explicit_bzero(hot->plain, 2 * PLAIN_BLOCK);
    wanted = (write->first_size ? run_size(write->first_size) : 0) + run_size(write->middle_size) +
             (write->last_size ? run_size(write->last_size) : 0);
    write->stop = write->at + wanted;
    /* One block, written over without a look at it: see FileIO._write. */
    if (got >= 0 && wanted == write->middle_size + OVERHEAD &&
        write->stop <= write->cipher_size && !write->kept_size)
        got = fetch(hot, open->fd, hot->cipher, wanted, write->at, 0);
    if (got < 0)
        return got == WOULD_WAIT ? LATER : COLD;
    if (!reserve(hot, write))
        return COLD;

    if (write->is_empty) {
        do {
            if (hot->crypto->random_bytes(hot->content, open->id, FILE_ID_BYTES) < 0)
                return COLD;
        } while (!memcmp(open->id, NO_ID, FILE_ID_BYTES));
        hot->cipher[0] = 0;
        hot->cipher[1] = 2;
        memcpy(hot->cipher + 2, open->id, FILE_ID_BYTES);
        write->at = 0;
        wanted += HEADER_BYTES;
    }
    if (!seal(hot, write, hot->cipher + (write->is_empty ? HEADER_BYTES : 0)))
        return COLD;
    UNLOCKED(done = pwrite_all(open->fd, hot->cipher, wanted, write->at); number = errno);
    if (done < wanted) {
        bool is_undone;

        UNLOCKED(is_undone = undo(write, done));
        if (is_undone)
            return COLD;
        if (write->is_empty)
            set_slot(open->file, hot->open_file.file_id, Py_NewRef(Py_None));
        return fail(hot, request, write, number);
    }

    /* Without the memory for these, the file is right and the next one looks at it anew. */
    if (write->is_empty && !note_id(hot, open))
        PyErr_Clear();
    if (!set_i64(open->file, hot->open_file.last_write_ns, wall_ns()))
        PyErr_Clear();
    if (write->believed > u64_of(slot(open->node, hot->node.shown_size)) &&
        !set_i64(open->node, hot->node.shown_size, (int64_t)write->believed))
        PyErr_Clear();
    hot->counts_written += write->size;
    return reply(hot, request, &out, sizeof out);
}

Outcome hot_write(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_write_in *in = argument;
    off_t cipher_size;
    Outcome outcome = COLD;
    Write write = {0};

    hot->may_wait |= sizeof *request + size > LATER_ROOM;
    if (size < sizeof *in || size - sizeof *in < in->size || !in->size || in->size > 1 << 20 ||
        is_none(hot->content) || in->offset >= OFFSET_END ||
        !take_handle(hot, in->fh, &write.open))
        return COLD;
    write.data = (const uint8_t *)(in + 1);
    write.size = in->size;
    write.offset = in->offset;
    if (slot(write.open.node, hot->node.set_id) != Py_False)
        goto out;
    /* See FileIO.write. */
    if ((cipher_size = lseek(write.open.fd, 0, SEEK_END)) < 0)
        goto out;
    write.cipher_size = (uint64_t)cipher_size;
    write.believed = write.offset + write.size;
    if (slot(write.open.handle, hot->file_handle.append) != Py_False &&
        (write.offset & REST || write.offset >= u64_of(slot(write.open.node, hot->node.shown_size))))
        write.offset = plain_size(hot, write.cipher_size);
    outcome = write_run(hot, request, &write);
out:
    Py_DECREF(write.open.handle);
    return outcome;
}
