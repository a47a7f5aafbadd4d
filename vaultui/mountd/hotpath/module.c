/* The module: reading requests, handing over those that are COLD, and telling what was done. */

#include "hotpath.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>
#include <time.h>
#include <unistd.h>

#define FUSE_USE_VERSION 35
#include <fuse3/fuse_lowlevel.h>

/* After so long without giving it up the interpreter's lock is offered to other threads. */
#define OFFER_AFTER_S 0.001

/* --- requests and who answers them ------------------------------------------------------ */

/* What a request says about somebody using the vault: as mountd.activity.Touch. */
enum { NONE, LOOK, USE, DATA };

typedef struct {
    const char *name; /* as the handlers in Python are called */
    int touch;
    Handler *handler;
} Operation;

/* The kernel withdraws what somebody waited for who is being killed. What is hot was answered
 * long ago, and pyfuse3 lets nobody stop what it has begun. */
static Outcome ignore(Hot *hot, const Request *request, const void *argument, size_t size)
{
    (void)hot, (void)request, (void)argument, (void)size;
    return ANSWERED;
}

static const Operation OPERATIONS[OPCODES] = {
    [FUSE_LOOKUP] = {"lookup", LOOK, hot_lookup},
    [FUSE_FORGET] = {"forget", NONE, hot_forget},
    [FUSE_BATCH_FORGET] = {"forget", NONE, hot_batch_forget},
    [FUSE_GETATTR] = {"getattr", LOOK, hot_getattr},
    [FUSE_SETATTR] = {"setattr", USE, hot_setattr},
    [FUSE_READLINK] = {"readlink", LOOK, hot_readlink},
    [FUSE_ACCESS] = {"access", LOOK, hot_access},
    [FUSE_GETXATTR] = {"getxattr", LOOK, hot_getxattr},
    [FUSE_UNLINK] = {"unlink", USE, hot_unlink},
    [FUSE_MKDIR] = {"mkdir", USE, hot_mkdir},
    [FUSE_RMDIR] = {"rmdir", USE, hot_rmdir},
    [FUSE_SYMLINK] = {"symlink", USE, hot_symlink},
    [FUSE_LINK] = {"link", USE, hot_link},
    [FUSE_RENAME] = {"rename", USE, hot_rename},
    [FUSE_RENAME2] = {"rename", USE, hot_rename2},
    [FUSE_OPEN] = {"open", USE, hot_open},
    [FUSE_CREATE] = {"create", USE, hot_create},
    [FUSE_READ] = {"read", DATA, hot_read},
    [FUSE_WRITE] = {"write", DATA, hot_write},
    [FUSE_FLUSH] = {"flush", NONE, hot_flush},
    [FUSE_FSYNC] = {"fsync", NONE, hot_fsync},
    [FUSE_FSYNCDIR] = {"fsyncdir", NONE, hot_fsyncdir},
    [FUSE_RELEASE] = {"release", DATA, hot_release},
    [FUSE_OPENDIR] = {"opendir", USE, hot_opendir},
    [FUSE_READDIRPLUS] = {"readdir", USE, hot_readdirplus},
    [FUSE_RELEASEDIR] = {"releasedir", NONE, hot_releasedir},
    [FUSE_INTERRUPT] = {NULL, NONE, ignore},
};

static Outcome answer(Hot *hot, size_t size)
{
    const Request *request = (const Request *)hot->request;
    const Operation *operation;
    Outcome outcome;

    if (size < sizeof *request || request->len != size || request->opcode >= OPCODES)
        return COLD;
    operation = &OPERATIONS[request->opcode];
    if (!operation->handler)
        return COLD;
    outcome = operation->handler(hot, request, request + 1, size - sizeof *request);
    if (PyErr_Occurred())
        PyErr_Clear();
    if (outcome == ANSWERED && operation->name) {
        hot->has_counts = true;
        hot->counts[request->opcode]++;
        hot->counts_path += operation->touch == LOOK || operation->touch == USE;
        hot->was_used |= operation->touch == USE || operation->touch == DATA;
    }
    return outcome;
}

/* --- telling what was done -------------------------------------------------------------- */

static void add_to_slot(PyObject *object, Py_ssize_t offset, int64_t count)
{
    if (count)
        set_i64(object, offset, i64_of(slot(object, offset)) + count);
}

/* Brings `activity` up to date: before anybody else can look at it. */
static void tell(Hot *hot)
{
    const ActivityClass *class = &hot->activity_class;
    PyObject *operations = slot(hot->activity, class->operations);
    struct timespec now;
    PyObject *used;

    if (!hot->has_counts)
        return;
    hot->has_counts = false;
    for (int opcode = 0; opcode < OPCODES; opcode++) {
        PyObject *name = hot->operation_names[opcode];
        PyObject *count;

        if (!hot->counts[opcode])
            continue;
        count = PyDict_GetItem(operations, name);
        count = PyLong_FromUnsignedLongLong((count ? u64_of(count) : 0) + hot->counts[opcode]);
        if (count) {
            PyDict_SetItem(operations, name, count);
            Py_DECREF(count);
        }
        hot->answered += hot->counts[opcode];
        hot->counts[opcode] = 0;
    }
    add_to_slot(hot->activity, class->path_operations, (int64_t)hot->counts_path);
    add_to_slot(hot->activity, class->bytes_read, (int64_t)hot->counts_read);
    add_to_slot(hot->activity, class->bytes_written, (int64_t)hot->counts_written);
    add_to_slot(hot->activity, class->open_files, hot->counts_open);
    hot->counts_path = hot->counts_read = hot->counts_written = 0;
    hot->counts_open = 0;
    if (hot->was_used) {
        hot->was_used = false;
        clock_gettime(CLOCK_BOOTTIME, &now);
        used = PyFloat_FromDouble((double)now.tv_sec + (double)now.tv_nsec * 1e-9);
        if (used)
            set_slot(hot->activity, class->last_use, used);
    }
    PyErr_Clear();
}

/* --- the loop --------------------------------------------------------------------------- */

enum { IDLE, REQUEST_WAITS, WOKEN };

/* The one mount of this process, once it is served by its hot path. */
static Hot *active;

/* Puts the request off that was read last. */
static void put_off(Hot *hot, size_t size)
{
    Later *later = &hot->later[(hot->later_first + hot->later_count++) % LATER_MAX];

    later->size = size;
    memcpy(later->bytes, hot->request, size);
}

/* For so long the next request is looked for before the thread sleeps: most programs send it within
 * that. Being woken costs more than a small request does, on a virtual machine several times as
 * much, and so does waking. */
#define LOOK_FOR_S 20e-6

static ssize_t read_soon(Hot *hot)
{
    double end = monotonic() + LOOK_FOR_S;
    ssize_t size;

    do {
        /* Whoever is to send it may be waiting for this very processor. */
        sched_yield();
        size = read(hot->fd, hot->request, REQUEST_ROOM);
    } while (size < 0 && errno == EAGAIN && monotonic() < end);
    return size;
}

/* Reads a request. One that was put off comes when there is no other, or when it has been
 * overtaken often enough: by then the disk is done with it, or waiting is all that can be done. */
static ssize_t next_request(Hot *hot)
{
    const Later *later;

    if (hot->later_count < LATER_MAX && hot->overtaken < LATER_MAX) {
        ssize_t size = read(hot->fd, hot->request, REQUEST_ROOM);

        hot->may_wait = false;
        hot->overtaken += hot->later_count > 0;
        if (size < 0 && errno == EAGAIN && !hot->later_count)
            return read_soon(hot);
        if (size >= 0 || errno != EAGAIN)
            return size;
    }
    later = &hot->later[hot->later_first];
    hot->later_first = (hot->later_first + 1) % LATER_MAX;
    hot->later_count--;
    hot->overtaken = 0;
    hot->may_wait = true;
    memcpy(hot->request, later->bytes, later->size);
    return (ssize_t)later->size;
}

/* Tells whether a thread has finished for which a handler waits, and takes its mark away. */
static bool was_woken(Hot *hot)
{
    uint64_t count;

    return hot->wake_fd >= 0 && read(hot->wake_fd, &count, sizeof count) == sizeof count;
}

static PyObject *serve(Hot *hot, PyObject *patience)
{
    int patience_ms = PyLong_AsLong(patience);
    double offered = monotonic();
    int answered = 0;

    if (patience_ms == -1 && PyErr_Occurred())
        return NULL;
    active = hot;
    if (hot->is_waiting)
        return PyLong_FromLong(REQUEST_WAITS);
    for (;;) {
        ssize_t size = next_request(hot);
        Outcome outcome;

        if (size < 0 && errno == EAGAIN) {
            struct pollfd watched[2] = {{.fd = hot->fd, .events = POLLIN},
                                        {.fd = hot->wake_fd, .events = POLLIN}};
            int ready;

            tell(hot);
            UNLOCKED(ready = poll(watched, 2, patience_ms));
            offered = monotonic();
            if (ready == 0)
                return PyLong_FromLong(IDLE);
            if (ready > 0 && watched[1].revents && was_woken(hot))
                return PyLong_FromLong(WOKEN);
            continue;
        }
        if (size < 0 && (errno == EINTR || errno == ENOENT))
            continue; /* withdrawn before it was read */
        if (size < 0) {
            tell(hot); /* the end of the mount: libfuse is to find out by itself */
            end_syncs();
            return PyLong_FromLong(REQUEST_WAITS);
        }
        outcome = answer(hot, (size_t)size);
        if (outcome == LATER)
            put_off(hot, (size_t)size);
        if (outcome == COLD) {
            tell(hot);
            hot->handed_over++;
            hot->request_size = (size_t)size;
            hot->is_waiting = true;
            return PyLong_FromLong(REQUEST_WAITS);
        }
        if (++answered % 16 == 0 && monotonic() - offered > OFFER_AFTER_S) {
            tell(hot);
            UNLOCKED((void)0);
            offered = monotonic();
            if (was_woken(hot))
                return PyLong_FromLong(WOKEN);
        }
    }
}

/* Returns a function of the libfuse that pyfuse3 has loaded. RTLD_NEXT does not find it: it is there
 * for pyfuse3 alone. */
static void *libfuse_symbol(const char *name)
{
    static const char *const LIBRARIES[] = {"libfuse3.so.3", "libfuse3.so.4"}; /* 4: from 3.17 */

    for (size_t i = 0; i < sizeof LIBRARIES / sizeof *LIBRARIES; i++) {
        void *library = dlopen(LIBRARIES[i], RTLD_LAZY | RTLD_NOLOAD);

        if (library)
            return dlsym(library, name);
    }
    return NULL;
}

/* Takes the place of libfuse's: this library is loaded before it, for everybody. What waits here
 * is handed over in a buffer of malloc, which libfuse or pyfuse3 frees. */
__attribute__((visibility("default"))) int fuse_session_receive_buf(struct fuse_session *session,
                                                                    struct fuse_buf *buffer)
{
    static int (*next)(struct fuse_session *, struct fuse_buf *);

    if (!active || !active->is_waiting) {
        if (!next)
            next = (int (*)(struct fuse_session *, struct fuse_buf *))libfuse_symbol(
                "fuse_session_receive_buf");
        return next ? next(session, buffer) : -ENOSYS;
    }
    /* As large as libfuse makes it, which may read into it later. */
    if (!buffer->mem || malloc_usable_size(buffer->mem) < REQUEST_ROOM) {
        void *room = malloc(REQUEST_ROOM);

        if (!room)
            return -ENOMEM;
        free(buffer->mem);
        buffer->mem = room;
    }
    memcpy(buffer->mem, active->request, active->request_size);
    buffer->size = active->request_size;
    buffer->flags = 0;
    active->is_waiting = false;
    return (int)active->request_size;
}

/* --- making one ------------------------------------------------------------------------- */

typedef struct { const char *name; Py_ssize_t *offset; } SlotName;

static bool find_slots(PyTypeObject *type, const SlotName *names)
{
    for (; names->name; names++) {
        PyObject *member = PyObject_GetAttrString((PyObject *)type, names->name);
        bool is_slot = member && Py_IS_TYPE(member, &PyMemberDescr_Type);

        if (is_slot)
            *names->offset = ((PyMemberDescrObject *)member)->d_member->offset;
        Py_XDECREF(member);
        if (!is_slot) {
            PyErr_Format(PyExc_TypeError, "%s has no slot %s", type->tp_name, names->name);
            return false;
        }
    }
    return true;
}

static bool find_all_slots(Hot *hot)
{
#define SLOT_NAME(slot_name) {#slot_name, &class->slot_name},
#define FIND(Class, class_of, SLOTS)                                                               \
    {                                                                                              \
        Class *class = &(class_of);                                                                \
        SlotName names[] = {SLOTS(SLOT_NAME){NULL, NULL}};                                         \
        if (!find_slots(class->type, names))                                                       \
            return false;                                                                          \
    }
    FIND(NodeClass, hot->node, NODE_SLOTS)
    FIND(DirectoryClass, hot->directory, DIRECTORY_SLOTS)
    FIND(OpenFileClass, hot->open_file, OPEN_FILE_SLOTS)
    FIND(FileHandleClass, hot->file_handle, FILE_HANDLE_SLOTS)
    FIND(DirHandleClass, hot->dir_handle, DIR_HANDLE_SLOTS)
    FIND(ActivityClass, hot->activity_class, ACTIVITY_SLOTS)
#undef FIND
#undef SLOT_NAME
    return true;
}

static bool take(PyObject *from, const char *name, PyObject **into)
{
    PyObject *found = PyMapping_GetItemString(from, name);

    Py_XSETREF(*into, found);
    return found != NULL;
}

static bool take_type(PyObject *from, const char *name, PyTypeObject **into)
{
    PyObject *found = NULL;

    if (!take(from, name, &found))
        return false;
    if (!PyType_Check(found)) {
        PyErr_Format(PyExc_TypeError, "%s is not a class", name);
        Py_DECREF(found);
        return false;
    }
    *into = (PyTypeObject *)found; /* for as long as the process lives */
    return true;
}

static bool take_number(PyObject *from, const char *name, double *into)
{
    PyObject *found = NULL;

    if (!take(from, name, &found))
        return false;
    *into = PyFloat_AsDouble(found);
    Py_DECREF(found);
    return !(*into == -1.0 && PyErr_Occurred());
}

static bool take_parts(Hot *hot, PyObject *parts)
{
    double fd, wake_fd, read_only, creates, plain, dir_iv, copies, keeps, local, long_max, overhead;
    double keeps_order, symlinks, cache, uid, gid, in_place;
    bool is_taken =
        take_type(parts, "Node", &hot->node.type) &&
        take_type(parts, "Directory", &hot->directory.type) &&
        take_type(parts, "OpenFile", &hot->open_file.type) &&
        take_type(parts, "FileHandle", &hot->file_handle.type) &&
        take_type(parts, "DirHandle", &hot->dir_handle.type) &&
        take_type(parts, "Activity", &hot->activity_class.type) &&
        take(parts, "inodes", &hot->inodes) && take(parts, "by_ino", &hot->by_ino) &&
        take(parts, "by_key", &hot->by_key) && take(parts, "devices", &hot->devices) &&
        take(parts, "root", &hot->root) && take(parts, "directories", &hot->directories) &&
        take(parts, "files", &hot->files) && take(parts, "io", &hot->io) &&
        take(parts, "space", &hot->space) && take(parts, "attrs", &hot->attrs) &&
        take(parts, "listings", &hot->listings) &&
        take(parts, "file_handles", &hot->file_handles) &&
        take(parts, "dir_handles", &hot->dir_handles) &&
        take(parts, "entry_names", &hot->entry_names) &&
        take(parts, "activity", &hot->activity) &&
        take(parts, "allocate_lock", &hot->allocate_lock) &&
        take(parts, "xattrs", &hot->xattrs) &&
        take(parts, "unsynced", &hot->unsynced) && take(parts, "unread_xattr", &hot->unread_xattr) &&
        take(parts, "tree", &hot->tree) && take(parts, "known_names", &hot->known_names) &&
        take(parts, "content", &hot->content) && take(parts, "names", &hot->names) &&
        take_number(parts, "fd", &fd) && take_number(parts, "wake_fd", &wake_fd) &&
        take_number(parts, "read_only", &read_only) && take_number(parts, "creates", &creates) &&
        take_number(parts, "are_names_plain", &plain) &&
        take_number(parts, "keeps_order", &keeps_order) &&
        take_number(parts, "uses_dir_iv", &dir_iv) &&
        take_number(parts, "shows_copies", &copies) && take_number(parts, "keeps_pages", &keeps) &&
        take_number(parts, "is_local", &local) && take_number(parts, "long_name_max", &long_max) &&
        take_number(parts, "overhead", &overhead) &&
        take_number(parts, "symlink_sizes", &symlinks) &&
        take_number(parts, "coherence_s", &hot->coherence_s) &&
        take_number(parts, "cache_s", &cache) && take_number(parts, "owner_uid", &uid) &&
        take_number(parts, "owner_gid", &gid) && take_number(parts, "in_place_device", &in_place);

    if (!is_taken)
        return false;
    hot->fd = (int)fd;
    hot->wake_fd = (int)wake_fd;
    hot->read_only = read_only != 0;
    hot->creates = creates != 0;
    hot->are_names_plain = plain != 0;
    hot->keeps_order = keeps_order != 0;
    hot->uses_dir_iv = dir_iv != 0;
    hot->shows_copies = copies != 0;
    hot->keeps_pages = keeps != 0;
    hot->is_local = local != 0;
    hot->long_name_max = (size_t)long_max;
    hot->overhead = (unsigned)overhead;
    hot->symlink_sizes = (int)symlinks;
    hot->cache_s = (uint64_t)cache;
    hot->cache_ns = (uint32_t)((cache - (double)hot->cache_s) * 1e9);
    hot->has_owner = uid >= 0;
    hot->owner_uid = (uint32_t)(uid >= 0 ? uid : 0);
    hot->owner_gid = (uint32_t)(gid >= 0 ? gid : 0);
    hot->has_in_place_device = in_place >= 0;
    hot->in_place_device = (uint64_t)(in_place >= 0 ? in_place : 0);
    return true;
}

static void hot_dealloc(Hot *hot)
{
    if (active == hot) {
        active = NULL;
        end_syncs();
    }
    if (hot->request) /* what was written last is in it */
        explicit_bzero(hot->request, REQUEST_ROOM);
    free(hot->request);
    free(hot->later);
    free(hot->cipher);
    if (hot->plain)
        explicit_bzero(hot->plain, (size_t)RUN_BLOCKS * PLAIN_BLOCK);
    free(hot->plain);
    Py_XDECREF(hot->parts);
    Py_XDECREF(hot->inodes);
    Py_XDECREF(hot->by_ino);
    Py_XDECREF(hot->by_key);
    Py_XDECREF(hot->devices);
    Py_XDECREF(hot->root);
    Py_XDECREF(hot->directories);
    Py_XDECREF(hot->files);
    Py_XDECREF(hot->io);
    Py_XDECREF(hot->space);
    Py_XDECREF(hot->attrs);
    Py_XDECREF(hot->listings);
    Py_XDECREF(hot->file_handles);
    Py_XDECREF(hot->dir_handles);
    Py_XDECREF(hot->entry_names);
    Py_XDECREF(hot->activity);
    Py_XDECREF(hot->allocate_lock);
    Py_XDECREF(hot->xattrs);
    Py_XDECREF(hot->unsynced);
    Py_XDECREF(hot->unread_xattr);
    Py_XDECREF(hot->tree);
    Py_XDECREF(hot->known_names);
    Py_XDECREF(hot->content);
    Py_XDECREF(hot->names);
    for (int opcode = 0; opcode < OPCODES; opcode++)
        Py_XDECREF(hot->operation_names[opcode]);
    Py_TYPE(hot)->tp_free((PyObject *)hot);
}

static PyObject *hot_new(PyTypeObject *type, PyObject *arguments, PyObject *named)
{
    PyObject *parts;
    Hot *hot;

    if (named && PyDict_GET_SIZE(named)) {
        PyErr_SetString(PyExc_TypeError, "Hot takes one mapping");
        return NULL;
    }
    if (!PyArg_ParseTuple(arguments, "O:Hot", &parts))
        return NULL;
    if (!(hot = (Hot *)type->tp_alloc(type, 0)))
        return NULL;
    hot->parts = Py_NewRef(parts);
    hot->fd = hot->wake_fd = -1;
    hot->request = malloc(REQUEST_ROOM);
    hot->later = malloc(LATER_MAX * sizeof *hot->later);
    hot->cipher = malloc((size_t)RUN_BLOCKS * CIPHER_BLOCK + HEADER_BYTES);
    hot->plain = malloc((size_t)RUN_BLOCKS * PLAIN_BLOCK);
    if (!hot->request || !hot->later || !hot->cipher || !hot->plain) {
        PyErr_NoMemory();
        goto failed;
    }
    hot->crypto = PyCapsule_Import("vaultui.crypto.hazmat._openssl._C", 0);
    if (!hot->crypto)
        goto failed;
    if (hot->crypto->version != VAULTUI_CRYPTO_VERSION) {
        PyErr_SetString(PyExc_ImportError, "the compiled parts are of different versions");
        goto failed;
    }
    if (!take_parts(hot, parts) || !find_all_slots(hot))
        goto failed;
    for (int opcode = 0; opcode < OPCODES; opcode++)
        if (OPERATIONS[opcode].name &&
            !(hot->operation_names[opcode] = PyUnicode_InternFromString(OPERATIONS[opcode].name)))
            goto failed;
    return (PyObject *)hot;
failed:
    Py_DECREF(hot);
    return NULL;
}

static PyObject *tell_now(Hot *hot, PyObject *nothing)
{
    (void)nothing;
    tell(hot);
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"tell", (PyCFunction)tell_now, METH_NOARGS,
     "tell(): bring the activity up to date. From any thread."},
    {"serve", (PyCFunction)serve, METH_O,
     "serve(patience_ms): answer requests until one is left for Python (1), nothing came for so\n"
     "long (0), or the wake descriptor was written to (2)."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef MEMBERS[] = {
    {"answered", T_ULONGLONG, offsetof(Hot, answered), READONLY, "requests that needed no Python"},
    {"handed_over", T_ULONGLONG, offsetof(Hot, handed_over), READONLY, "requests left for Python"},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject HotType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "vaultui.mountd.hotpath._hotpath.Hot",
    .tp_basicsize = sizeof(Hot),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = hot_new,
    .tp_dealloc = (destructor)hot_dealloc,
    .tp_methods = METHODS,
    .tp_members = MEMBERS,
    .tp_doc = "The hot path of one mount, made of a mapping with its parts.",
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "vaultui.mountd.hotpath._hotpath",
    .m_doc = "The hot path of a mount; see hotpath.h.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__hotpath(void)
{
    PyObject *module = PyModule_Create(&MODULE);

    if (module && PyModule_AddType(module, &HotType) < 0)
        Py_CLEAR(module);
    return module;
}
