/* Open files: what OpenFiles, DirOps.create and Handles do when all goes well. */

#include "hotpath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* As in openfiles.py and dirops.py. */
enum {
    BACKING = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
    NEW = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
    READ_AHEAD = 128 << 10,
    CLOCK_TICK_NS = 20000000,
};

/* --- the objects ------------------------------------------------------------------------- */

/* OpenFile(node): a new reference, or NULL. */
static PyObject *new_file(Hot *hot, PyObject *node)
{
    const OpenFileClass *class = &hot->open_file;
    PyObject *handles = PyList_New(0);
    PyObject *lock = handles ? PyObject_CallNoArgs(hot->allocate_lock) : NULL;
    PyObject *zero = lock ? PyLong_FromLong(0) : NULL;
    PyObject *never = zero ? PyFloat_FromDouble(0.0) : NULL;
    PyObject *file = never ? class->type->tp_alloc(class->type, 0) : NULL;

    if (!file) {
        Py_XDECREF(handles);
        Py_XDECREF(lock);
        Py_XDECREF(zero);
        Py_XDECREF(never);
        return NULL;
    }
    set_slot(file, class->node, Py_NewRef(node));
    set_slot(file, class->handles, handles);
    set_slot(file, class->lock, lock);
    set_slot(file, class->file_id, Py_NewRef(Py_None));
    set_slot(file, class->checked, never);
    set_slot(file, class->allocated, Py_NewRef(zero));
    set_slot(file, class->last_write_ns, zero);
    return file;
}

/* FileHandle(file, fd, …): a new reference, or NULL. */
static PyObject *new_handle(Hot *hot, PyObject *file, int fd, bool writable, bool append)
{
    const FileHandleClass *class = &hot->file_handle;
    PyObject *number = PyLong_FromLong(fd);
    PyObject *handle = number ? class->type->tp_alloc(class->type, 0) : NULL;

    if (!handle) {
        Py_XDECREF(number);
        return NULL;
    }
    set_slot(handle, class->file, Py_NewRef(file));
    set_slot(handle, class->fd, number);
    set_bool(handle, class->writable, writable);
    set_bool(handle, class->append, append);
    return handle;
}

/* Handles.add: the new number, or 0 with nothing changed. */
static uint64_t add_handle(Hot *hot, PyObject *handle)
{
    static PyObject *last_name;
    PyObject *last, *number;
    uint64_t added = 0;

    if (!last_name && !(last_name = PyUnicode_InternFromString("_last")))
        return 0;
    if (!(last = PyObject_GetAttr(hot->file_handles, last_name)))
        return 0;
    number = PyLong_FromUnsignedLongLong(u64_of(last) + 1);
    if (number && PyDict_SetItem(hot->file_handles, number, handle) == 0) {
        if (PyObject_SetAttr(hot->file_handles, last_name, number) == 0)
            added = u64_of(number);
        else
            PyDict_DelItem(hot->file_handles, number);
    }
    Py_DECREF(last);
    Py_XDECREF(number);
    return added;
}

/* OpenFiles.attach and Handles.add: the handle's number, or 0 with nothing changed. */
static uint64_t attach(Hot *hot, PyObject *node, int fd, bool writable, bool append)
{
    PyObject *file = slot(node, hot->node.open);
    PyObject *handle = NULL, *handles;
    uint64_t number = 0;

    file = is_none(file) ? new_file(hot, node) : Py_NewRef(file);
    if (!file || !(handle = new_handle(hot, file, fd, writable, append)))
        goto out;
    handles = slot(file, hot->open_file.handles);
    if (PyList_Append(handles, handle) < 0)
        goto out;
    if (!(number = add_handle(hot, handle))) {
        PyList_SetSlice(handles, PyList_GET_SIZE(handles) - 1, PyList_GET_SIZE(handles), NULL);
        goto out;
    }
    if (slot(node, hot->node.open) != file)
        set_slot(node, hot->node.open, Py_NewRef(file));
    hot->counts_open++;
out:
    Py_XDECREF(file);
    Py_XDECREF(handle);
    return number;
}

/* --- FUSE_OPEN --------------------------------------------------------------------------- */

/* Opens the backing file of `node`, and leaves its status; -1 where Python must look. */
static int open_backing(Hot *hot, PyObject *node, bool writable, struct stat *status)
{
    PyObject *directory = enter_directory(hot, slot(node, hot->node.parent));
    PyObject *cname;
    int at, fd;

    if (!directory)
        return -1;
    at = fd_of(directory, hot->directory.fd);
    cname = Py_NewRef(slot(node, hot->node.cname));
    UNLOCKED({
        fd = openat(at, PyBytes_AS_STRING(cname), (writable ? O_RDWR : O_RDONLY) | BACKING);
        if (fd >= 0 && fstat(fd, status) < 0) {
            close(fd);
            fd = -1;
        }
    });
    Py_DECREF(cname);
    Py_DECREF(directory);
    return fd;
}

Outcome hot_open(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_open_in *in = argument;
    struct fuse_open_out out = {0};
    bool writable, keep_cache;
    struct stat status;
    PyObject *node, *seen, *file;
    int fd;

    if (size < sizeof *in || in->flags & O_TRUNC || !(node = node_of(hot, request->nodeid)))
        return COLD;
    writable = (in->flags & O_ACCMODE) != O_RDONLY;
    if ((writable && hot->read_only) || i64_of(slot(node, hot->node.kind)) != S_IFREG ||
        is_none(slot(node, hot->node.parent)))
        return COLD;
    Py_INCREF(node);
    if ((fd = open_backing(hot, node, writable, &status)) < 0)
        goto cold;
    if (!is_inode_of(hot, node, &status))
        goto close;
    seen = slot(node, hot->node.stamp);
    keep_cache = hot->coherence_s > 0 && is_stamp_of(seen, &status);
    seen = keep_cache ? Py_NewRef(seen) : stamp_of(&status);
    if (!seen)
        goto close;
    out.fh = attach(hot, node, fd, writable, in->flags & O_APPEND);
    if (!out.fh) {
        Py_DECREF(seen);
        goto close;
    }
    set_slot(node, hot->node.stamp, seen);
    file = slot(node, hot->node.open);
    if (status.st_blocks * 512 >= status.st_size &&
        status.st_size > i64_of(slot(file, hot->open_file.allocated)) &&
        !set_i64(file, hot->open_file.allocated, status.st_size))
        PyErr_Clear(); /* then it is reserved once more */
    Py_DECREF(node);
    if (keep_cache || hot->keeps_pages)
        out.open_flags |= FOPEN_KEEP_CACHE;
    reply(hot, request, &out, sizeof out);
    /* The disk is at work while the caller hears of the open and asks for content. */
    if (!keep_cache && !writable && status.st_size)
        UNLOCKED(posix_fadvise(fd, 0, READ_AHEAD, POSIX_FADV_WILLNEED));
    return ANSWERED;
close:
    close(fd);
cold:
    Py_DECREF(node);
    return COLD;
}

/* --- FUSE_CREATE ------------------------------------------------------------------------- */

/* Inodes.adopt by itself, for what is rare: a number that is used again. Borrowed. */
static PyObject *adopt_slowly(Hot *hot, PyObject *parent, const char *cname, Py_ssize_t cname_size,
                              const char *name, int fd)
{
    PyObject *os = PyImport_ImportModule("os");
    PyObject *status = os ? PyObject_CallMethod(os, "fstat", "i", fd) : NULL;
    PyObject *node = NULL;

    if (status)
        node = PyObject_CallMethod(hot->inodes, "adopt", "Oy#yO", parent, cname, cname_size, name,
                                   status);
    Py_XDECREF(os);
    Py_XDECREF(status);
    Py_XDECREF(node); /* the dictionaries keep it */
    return node;
}

Outcome hot_create(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_create_in *in = argument;
    struct {
        struct fuse_entry_out entry;
        struct fuse_open_out open;
    } out = {0};
    PyObject *parent, *directory, *node = NULL;
    struct fuse_attr attributes;
    struct stat status;
    Py_ssize_t cname_size;
    const char *name;
    char cname[256];
    int at, fd;

    if (!hot->creates || hot->read_only || size < sizeof *in)
        return COLD;
    name = (const char *)(in + 1);
    if (!memchr(name, '\0', size - sizeof *in) || !(parent = node_of(hot, request->nodeid)) ||
        is_none(slot(parent, hot->node.children)))
        return COLD;
    Py_INCREF(parent);
    directory = directory_with_iv(hot, parent, true);
    cname_size = directory ? name_on_disk(hot, directory, name, cname) : -1;
    if (cname_size < 0) {
        Py_XDECREF(directory);
        Py_DECREF(parent);
        return COLD;
    }
    at = fd_of(directory, hot->directory.fd);
    UNLOCKED(fd = openat(at, cname, NEW, in->mode & 07777));
    Py_DECREF(directory);
    if (fd < 0) {
        Py_DECREF(parent);
        return COLD;
    }

    /* There it is, and Python would find that it exists: from here on it is to be answered. */
    if (fstat(fd, &status) == 0) {
        node = adopt(hot, parent, cname, (size_t)cname_size, name, strlen(name), &status);
        if (!node) {
            PyErr_Clear();
            node = adopt_slowly(hot, parent, cname, cname_size, name, fd);
        }
    }
    Py_DECREF(parent);
    if (!node || !attributes_of(hot, node, &status, &attributes) ||
        !(out.open.fh = attach(hot, node, fd, true, in->flags & O_APPEND))) {
        close(fd);
        return reply_error(hot, request, EIO); /* without memory */
    }
    if (!add_references(hot, node, 1))
        PyErr_Clear();
    fill_entry(hot, node, &attributes, &out.entry);
    return reply(hot, request, &out, sizeof out);
}

/* --- FUSE_FLUSH and FUSE_RELEASE --------------------------------------------------------- */

Outcome hot_flush(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_flush_in *in = argument;

    if (size < sizeof *in || !hot->is_local || !item_of(hot->file_handles, in->fh))
        return COLD;
    return reply_error(hot, request, ENOSYS);
}

/* OpenFile.wrote_last */
static bool wrote_last(int64_t last_write_ns, const struct stat *status)
{
    int64_t modified = ns_of(&status->st_mtim), changed = ns_of(&status->st_ctim);

    return (modified > changed ? modified : changed) <= last_write_ns + CLOCK_TICK_NS;
}

/* The stamp of what went through a handle that is about to be closed: a new reference. */
static PyObject *last_stamp(int fd, int64_t last_write_ns)
{
    struct stat status;
    PyObject *stamp = NULL;
    int found;

    UNLOCKED(found = fstat(fd, &status));
    if (found == 0 && wrote_last(last_write_ns, &status))
        stamp = stamp_of(&status);
    return stamp ? stamp : Py_NewRef(Py_None);
}

/* `list.remove(item)` */
static bool remove_from(PyObject *list, PyObject *item)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++)
        if (PyList_GET_ITEM(list, i) == item)
            return PyList_SetSlice(list, i, i + 1, NULL) == 0;
    return false;
}

Outcome hot_release(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_release_in *in = argument;
    PyObject *number, *handle, *file, *node;
    int64_t last_write_ns;
    int fd, closed, why = 0;

    if (size < sizeof *in || !(number = PyLong_FromUnsignedLongLong(in->fh)))
        return COLD;
    handle = PyDict_GetItem(hot->file_handles, number);
    if (!handle) {
        Py_DECREF(number);
        return COLD;
    }
    Py_INCREF(handle);
    file = Py_NewRef(slot(handle, hot->file_handle.file));
    node = Py_NewRef(slot(file, hot->open_file.node));
    fd = fd_of(handle, hot->file_handle.fd);
    PyDict_DelItem(hot->file_handles, number);
    Py_DECREF(number);
    hot->counts_open--;

    last_write_ns = i64_of(slot(file, hot->open_file.last_write_ns));
    if (slot(handle, hot->file_handle.writable) == Py_True && last_write_ns)
        set_slot(node, hot->node.stamp, last_stamp(fd, last_write_ns));
    if (!remove_from(slot(file, hot->open_file.handles), handle))
        PyErr_Clear();
    if (!PyList_GET_SIZE(slot(file, hot->open_file.handles))) {
        set_slot(node, hot->node.open, Py_NewRef(Py_None));
        drop_if_unused(hot, node);
    }
    UNLOCKED(closed = close(fd); why = errno); /* last: on a server's disk it may fail */
    Py_DECREF(node);
    Py_DECREF(file);
    Py_DECREF(handle);
    return closed < 0 ? reply_error(hot, request, why) : reply(hot, request, NULL, 0);
}
