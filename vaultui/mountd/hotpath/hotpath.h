/* The hot path: the frequent requests of a mount, answered without the interpreter.
 *
 * It works on the objects of cipherfs themselves, whose attributes it reaches by the offsets of
 * their __slots__, so no state exists twice and every request may be answered by either side.
 * Here is the happy way alone: a handler that meets anything else returns COLD, before it has
 * changed anything, and the request goes to pyfuse3 and the handlers in Python, which decide
 * about errors, reports and events.
 *
 * All of it runs in the data plane's thread with the interpreter's lock held; UNLOCKED gives it
 * up around a system call that may take long.
 */

#ifndef VAULTUI_HOTPATH_H
#define VAULTUI_HOTPATH_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "_openssl.h"

enum {
    PLAIN_BLOCK = 4096,
    CIPHER_BLOCK = PLAIN_BLOCK + 32,
    HEADER_BYTES = 18,
    FILE_ID_BYTES = 16,
    /* A write of 1 MiB, the largest that FUSE sends, that does not start on a block. */
    RUN_BLOCKS = 257,
    REQUEST_ROOM = (1 << 20) + (1 << 16),
    OPCODES = 64,
    /* Of requests that are put off: how many, and how large. */
    LATER_MAX = 16,
    LATER_ROOM = (8 << 10) + 128,
};

typedef enum {
    COLD, /* nothing was changed: Python is to answer */
    ANSWERED,
    LATER, /* nothing was changed: it would wait for the disk, which is at work on it by now */
} Outcome;

/* A request that was put off: one that was not begun may be overtaken by those behind it, which
 * were sent before anybody could know of an answer. */
typedef struct {
    size_t size;
    uint8_t bytes[LATER_ROOM];
} Later;

/* The attributes of the classes that are worked on, by the names they have in Python. */
#define NODE_SLOTS(X)                                                                              \
    X(aliases) X(children) X(cname) X(directory) X(generation) X(gone) X(ino) X(key) X(kind)       \
    X(last_status) X(listed) X(name) X(nlink) X(open) X(parent) X(refs) X(set_id) X(shown_size) X(stamp)     \
    X(unsynced)
#define DIRECTORY_SLOTS(X) X(_stamp) X(checked) X(fd) X(is_root) X(iv) X(node) X(readable) X(used)
#define OPEN_FILE_SLOTS(X)                                                                         \
    X(allocated) X(checked) X(file_id) X(handles) X(last_write_ns) X(lock) X(node)
#define FILE_HANDLE_SLOTS(X) X(append) X(fd) X(file) X(writable)
#define DIR_HANDLE_SLOTS(X) X(began) X(entries) X(is_whole) X(node)
#define ACTIVITY_SLOTS(X)                                                                          \
    X(bytes_read) X(bytes_written) X(last_use) X(open_files) X(operations) X(path_operations)

#define OFFSET_OF(name) Py_ssize_t name;
typedef struct { PyTypeObject *type; NODE_SLOTS(OFFSET_OF) } NodeClass;
typedef struct { PyTypeObject *type; DIRECTORY_SLOTS(OFFSET_OF) } DirectoryClass;
typedef struct { PyTypeObject *type; OPEN_FILE_SLOTS(OFFSET_OF) } OpenFileClass;
typedef struct { PyTypeObject *type; FILE_HANDLE_SLOTS(OFFSET_OF) } FileHandleClass;
typedef struct { PyTypeObject *type; DIR_HANDLE_SLOTS(OFFSET_OF) } DirHandleClass;
typedef struct { PyTypeObject *type; ACTIVITY_SLOTS(OFFSET_OF) } ActivityClass;
#undef OFFSET_OF

typedef struct Hot {
    PyObject_HEAD
    int fd;      /* the FUSE descriptor, which does not block */
    int wake_fd; /* readable when a thread has finished for which a handler waits; -1 without */
    bool is_waiting;      /* a request that is COLD lies in `request` */
    size_t request_size;
    uint8_t *request;     /* REQUEST_ROOM bytes */
    Later *later;         /* LATER_MAX in a ring */
    unsigned later_first, later_count;
    unsigned overtaken;   /* how often the first of them was */
    bool may_wait;        /* for the disk: LATER is no outcome */
    uint8_t *cipher;      /* RUN_BLOCKS blocks of ciphertext, and a header */
    uint8_t *plain;       /* RUN_BLOCKS blocks of plaintext */

    NodeClass node;
    DirectoryClass directory;
    OpenFileClass open_file;
    FileHandleClass file_handle;
    DirHandleClass dir_handle;
    ActivityClass activity_class;

    /* Objects of the file system, each owned by a reference. */
    PyObject *parts;        /* whatever they were taken from */
    PyObject *inodes;       /* Inodes */
    PyObject *by_ino;       /* its dict: number -> Node */
    PyObject *by_key;       /* its dict: (device, inode) -> Node */
    PyObject *devices;      /* its dict: device -> index */
    PyObject *root;         /* Node */
    PyObject *directories;  /* Directories */
    PyObject *files;        /* OpenFiles */
    PyObject *io;           /* FileIO */
    PyObject *space;        /* Space */
    PyObject *attrs;        /* NodeAttributes */
    PyObject *listings;     /* Listings */
    PyObject *file_handles; /* Handles, a dict: number -> FileHandle */
    PyObject *dir_handles;  /* Handles, a dict: number -> DirHandle */
    PyObject *entry_names;  /* EntryNames */
    PyObject *activity;     /* Activity */
    PyObject *allocate_lock;
    PyObject *xattrs;       /* Xattrs; None where nothing has any */
    PyObject *unsynced;     /* a dict of directories; None where every sync is COLD: Durability */
    PyObject *unread_xattr; /* the one that means nothing here; None where all do */
    PyObject *tree;         /* FileSystem */
    PyObject *known_names;  /* NameCipher; None where names lie on the disk as they are */

    const VaultuiCrypto *crypto;
    PyObject *content; /* GcmRuns; None where blocks are of another kind: then they are COLD */
    PyObject *names;   /* EmeNames; None where names lie on the disk as they are */

    bool read_only;
    bool creates;          /* what is new belongs to us, whoever asks */
    bool are_names_plain;
    bool keeps_order;      /* of changes: a rename needs no word of Durability */
    bool uses_dir_iv;
    bool shows_copies;     /* of sync clients: a name that may be one's is COLD */
    bool keeps_pages;      /* -kernel_cache */
    bool is_local;         /* a close of the backing file never says anything */
    size_t long_name_max;
    unsigned overhead;     /* of a block of content */
    int symlink_sizes;     /* 0: as stored, 1: sealed, -1: only the target tells */
    double coherence_s;
    uint64_t cache_s;      /* how long the kernel believes names and attributes: seconds … */
    uint32_t cache_ns;     /* … and the rest */
    bool has_owner;
    uint32_t owner_uid, owner_gid;
    bool has_in_place_device;
    uint64_t in_place_device; /* where writing over bytes takes no new space */

    /* What is not yet told to `activity`. */
    uint64_t counts[OPCODES];
    uint64_t counts_read, counts_written, counts_path;
    int64_t counts_open;
    bool was_used, has_counts;
    PyObject *operation_names[OPCODES];

    uint64_t answered;     /* requests that needed no Python */
    uint64_t handed_over;  /* requests that were COLD */
} Hot;

typedef struct fuse_in_header Request;

/* Answers one request, or leaves it untouched. `argument` has `size` bytes. */
typedef Outcome Handler(Hot *hot, const Request *request, const void *argument, size_t size);

Handler hot_lookup, hot_forget, hot_batch_forget, hot_getattr, hot_setattr, hot_unlink, hot_access,
    hot_readlink, hot_getxattr;                                                   /* entries.c */
Handler hot_mkdir, hot_symlink, hot_link, hot_rmdir, hot_rename, hot_rename2;         /* changes.c */
Handler hot_opendir, hot_readdirplus, hot_releasedir;                /* listings.c */
Handler hot_open, hot_create, hot_release, hot_flush;                             /* handles.c */
Handler hot_read, hot_write;                                                      /* content.c */
Handler hot_fsync, hot_fsyncdir;                                                    /* syncs.c */

/* Nothing is answered any more by a sync that is under way: the connection has ended, and the
 * number of its descriptor may soon be another's. */
void end_syncs(void);

#define UNLOCKED(call)                                                                             \
    do {                                                                                           \
        PyThreadState *unlocked_state = PyEval_SaveThread();                                       \
        call;                                                                                      \
        PyEval_RestoreThread(unlocked_state); /* errno is kept */                                  \
    } while (0)

/* --- attributes of objects ------------------------------------------------------------- */

/* The attribute at `offset`: borrowed, NULL where it was never set. */
static inline PyObject *slot(PyObject *object, Py_ssize_t offset)
{
    return *(PyObject **)((char *)object + offset);
}

/* Sets it to `value`, whose reference is taken over. */
static inline void set_slot(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject **at = (PyObject **)((char *)object + offset);
    PyObject *old = *at;

    *at = value;
    Py_XDECREF(old);
}

static inline bool is_none(PyObject *object) { return object == Py_None || object == NULL; }

/* For attributes that always hold numbers in range: no error is possible. */
static inline uint64_t u64_of(PyObject *number) { return PyLong_AsUnsignedLongLongMask(number); }
static inline int64_t i64_of(PyObject *number) { return (int64_t)PyLong_AsUnsignedLongLongMask(number); }
static inline int fd_of(PyObject *object, Py_ssize_t offset) { return (int)i64_of(slot(object, offset)); }

static inline void set_bool(PyObject *object, Py_ssize_t offset, bool value)
{
    set_slot(object, offset, Py_NewRef(value ? Py_True : Py_False));
}

/* False without memory, with nothing changed; the caller clears the error by being COLD. */
static inline bool set_i64(PyObject *object, Py_ssize_t offset, int64_t value)
{
    PyObject *number = PyLong_FromLongLong(value);

    if (number)
        set_slot(object, offset, number);
    return number != NULL;
}

double monotonic(void);  /* as time.monotonic() */
int64_t wall_ns(void);   /* as time.time_ns() */

/* --- state.c: nodes and directories ---------------------------------------------------- */

/* What a dictionary has for a number: borrowed; NULL if there is nothing. */
PyObject *item_of(PyObject *dictionary, uint64_t number);

/* The node with this number: borrowed; NULL if there is none. */
PyObject *node_of(Hot *hot, uint64_t ino);

/* The open directory of a node as Directories.enter and .with_iv have it: a new reference. NULL
 * where Python must decide. `fresh` looks at the IV's file now, as who makes a name must. */
PyObject *enter_directory(Hot *hot, PyObject *node);
PyObject *directory_with_iv(Hot *hot, PyObject *node, bool fresh);

/* The name on disk of an entry, as EntryNames.on_disk has it, for names that are short there and
 * special in no way: its length, and a NUL behind it; -1 for all others. `name` ends with a NUL. */
Py_ssize_t name_on_disk(Hot *hot, PyObject *directory, const char *name, char cname[256]);

/* Whether a name, plain or on disk, has in it what those of conflict copies have. */
bool may_be_copy(const char *name);

/* Inodes.adopt, for what was just found as `cname` in `parent`: borrowed, NULL where Python must
 * decide; then nothing was changed. `name` is the plaintext. */
PyObject *adopt(Hot *hot, PyObject *parent, const char *cname, size_t cname_size, const char *name,
                size_t name_size, const struct stat *status);

/* Node.is_inode_of */
bool is_inode_of(Hot *hot, PyObject *node, const struct stat *status);

/* NodeAttributes.stat where the first name that is known leads to the node. */
bool status_of(Hot *hot, PyObject *node, struct stat *status);

bool add_references(Hot *hot, PyObject *node, int64_t count);

/* (st_size, st_mtime_ns, st_ctime_ns), as in Node.stamp: a new reference. */
PyObject *stamp_of(const struct stat *status);
bool is_stamp_of(PyObject *stamp, const struct stat *status);

/* Layout.plain_size: of all content ciphers, also those whose blocks are COLD. */
static inline uint64_t plain_size(const Hot *hot, uint64_t cipher_size)
{
    uint64_t blocks, rest;

    if (cipher_size <= HEADER_BYTES)
        return 0 < cipher_size && cipher_size < HEADER_BYTES;
    cipher_size -= HEADER_BYTES;
    blocks = cipher_size / (PLAIN_BLOCK + hot->overhead);
    rest = cipher_size % (PLAIN_BLOCK + hot->overhead);
    if (rest)
        rest = rest > hot->overhead ? rest - hot->overhead : 1;
    return blocks * PLAIN_BLOCK + rest;
}

/* Where a block starts, of AES-GCM with 16 bytes of nonce and tag. */
static inline uint64_t cipher_offset(uint64_t block) { return HEADER_BYTES + block * CIPHER_BLOCK; }

static inline int64_t ns_of(const struct timespec *time)
{
    return time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
}

/* --- entries.c: letting go -------------------------------------------------------------- */

/* Inodes.drop_if_unused */
void drop_if_unused(Hot *hot, PyObject *node);

/* Inodes.removed, of an entry that is no directory. */
void note_removed(Hot *hot, PyObject *parent, PyObject *cname);

/* The errno of the exception that is set, which is cleared; 0 where it has none. */
int errno_of_exception(void);

/* Directory.close. False with nothing changed. */
bool close_directory(Hot *hot, PyObject *directory);

/* --- reply.c ---------------------------------------------------------------------------- */

/* Each sends the answer and returns ANSWERED. A request that was withdrawn needs none. */
Outcome reply(Hot *hot, const Request *request, const void *payload, size_t size);
Outcome reply_parts(Hot *hot, const Request *request, struct iovec *parts, int count); /* parts[0] is ours */
Outcome reply_error(Hot *hot, const Request *request, int number);
Outcome reply_attributes(Hot *hot, const Request *request, const struct fuse_attr *attributes);

/* NodeAttributes.of: notes on `node` what Python notes, and fills what the kernel gets. False where
 * Python must decide (a symlink's size that only its target tells). */
bool attributes_of(Hot *hot, PyObject *node, const struct stat *status, struct fuse_attr *attributes);
void fill_entry(Hot *hot, PyObject *node, const struct fuse_attr *attributes,
                struct fuse_entry_out *entry);

#endif
