/* Names and attributes: looked up, told, changed and forgotten. */

#include "hotpath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char ACL_ACCESS[] = "system.posix_acl_access";
static const char ACL_DEFAULT[] = "system.posix_acl_default";

/* --- where a node is reached ------------------------------------------------------------- */

/* Where the backing inode is: by `fd` alone, or as `name` below it. */
typedef struct {
    int fd;
    const char *name;    /* NULL for `fd` alone; of a bytes object that `cname` keeps */
    PyObject *directory; /* the open directory that `fd` belongs to; owned, or NULL */
    PyObject *cname;     /* owned, or NULL */
    bool is_open;        /* by the descriptor of an open file */
} Place;

static void leave(Place *place)
{
    Py_CLEAR(place->directory);
    Py_CLEAR(place->cname);
}

/* A descriptor of the open file `node`, or -1: OpenFile.fd. */
static int open_fd(Hot *hot, PyObject *node)
{
    PyObject *file = slot(node, hot->node.open);
    PyObject *handles = is_none(file) ? NULL : slot(file, hot->open_file.handles);

    if (!handles || !PyList_CheckExact(handles) || !PyList_GET_SIZE(handles))
        return -1;
    return fd_of(PyList_GET_ITEM(handles, 0), hot->file_handle.fd);
}

/* The name of a node that has one, and its directory. */
static bool place_by_name(Hot *hot, PyObject *node, Place *place)
{
    PyObject *parent = slot(node, hot->node.parent);

    *place = (Place){.fd = -1};
    if (is_none(parent) || !(place->directory = enter_directory(hot, parent)))
        return false;
    place->fd = fd_of(place->directory, hot->directory.fd);
    place->cname = Py_NewRef(slot(node, hot->node.cname));
    place->name = PyBytes_AS_STRING(place->cname);
    return true;
}

/* As NodeAttributes.stat goes about it. False where only Python knows; then there is nothing to
 * leave. */
static bool place_of(Hot *hot, PyObject *node, Place *place)
{
    PyObject *directory = slot(node, hot->node.directory);

    if (!is_none(slot(node, hot->node.open))) {
        *place = (Place){.fd = open_fd(hot, node), .is_open = true};
        return place->fd >= 0;
    }
    if (is_none(directory))
        return place_by_name(hot, node, place);
    *place = (Place){.fd = fd_of(directory, hot->directory.fd), .directory = Py_NewRef(directory)};
    return true;
}

/* The status of what is there; false unless it is the inode of `node`. */
static bool status_at(Hot *hot, PyObject *node, const Place *place, struct stat *status)
{
    int failed;

    if (!place->name) {
        /* The inode of an open file is in memory, unless a server has it. */
        if (hot->is_local)
            return fstat(place->fd, status) == 0;
        UNLOCKED(failed = fstat(place->fd, status));
        return !failed;
    }
    UNLOCKED(failed = fstatat(place->fd, place->name, status, AT_SYMLINK_NOFOLLOW));
    return !failed && is_inode_of(hot, node, status);
}

bool status_of(Hot *hot, PyObject *node, struct stat *status)
{
    Place place;
    bool is_told;

    if (!place_of(hot, node, &place))
        return false;
    Py_INCREF(node);
    is_told = status_at(hot, node, &place, status);
    leave(&place);
    Py_DECREF(node);
    return is_told;
}

static bool is_symlink_of_unknown_size(const Hot *hot, const struct stat *status)
{
    return hot->symlink_sizes < 0 && S_ISLNK(status->st_mode);
}

/* The name in a request, which ends with a NUL; NULL for what is none. */
static const char *name_in(const void *argument, size_t size)
{
    const char *name = argument;

    return size > 1 && !name[size - 1] && strlen(name) == size - 1 ? name : NULL;
}

/* The directory with this number: borrowed, NULL if it is none. */
static PyObject *directory_node(Hot *hot, uint64_t ino)
{
    PyObject *node = node_of(hot, ino);

    return node && !is_none(slot(node, hot->node.children)) ? node : NULL;
}

/* --- looking ------------------------------------------------------------------------------ */

Outcome hot_lookup(Hot *hot, const Request *request, const void *argument, size_t size)
{
    PyObject *parent = directory_node(hot, request->nodeid);
    const char *name = name_in(argument, size);
    PyObject *directory, *node;
    struct fuse_entry_out entry;
    struct fuse_attr attributes;
    struct stat status;
    char cname[256];
    Py_ssize_t length;
    int failed;

    if (!parent || !name || !(directory = directory_with_iv(hot, parent, false)))
        return COLD;
    length = name_on_disk(hot, directory, name, cname);
    if (length < 0) {
        Py_DECREF(directory);
        return COLD;
    }
    Py_INCREF(parent);
    UNLOCKED(failed = fstatat(fd_of(directory, hot->directory.fd), cname, &status,
                              AT_SYMLINK_NOFOLLOW) < 0
                          ? errno
                          : 0);
    Py_DECREF(directory);
    if (failed == ENOENT) {
        Py_DECREF(parent);
        /* No node: the kernel may remember for a while that there is no such name. */
        entry = (struct fuse_entry_out){.entry_valid = hot->cache_s,
                                        .entry_valid_nsec = hot->cache_ns};
        return reply(hot, request, &entry, sizeof entry);
    }
    node = NULL;
    if (!failed && !is_symlink_of_unknown_size(hot, &status))
        node = adopt(hot, parent, cname, (size_t)length, name, size - 1, &status);
    Py_DECREF(parent);
    if (!node)
        return COLD;
    if (!attributes_of(hot, node, &status, &attributes) || !add_references(hot, node, 1)) {
        drop_if_unused(hot, node);
        return COLD;
    }
    fill_entry(hot, node, &attributes, &entry);
    return reply(hot, request, &entry, sizeof entry);
}

Outcome hot_getattr(Hot *hot, const Request *request, const void *argument, size_t size)
{
    PyObject *node = node_of(hot, request->nodeid);
    struct fuse_attr attributes;
    struct stat status;
    Outcome outcome = COLD;

    (void)argument, (void)size;
    if (!node)
        return COLD;
    Py_INCREF(node);
    if (status_of(hot, node, &status) && attributes_of(hot, node, &status, &attributes))
        outcome = reply_attributes(hot, request, &attributes);
    Py_DECREF(node);
    return outcome;
}

Outcome hot_access(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_access_in *in = argument;
    PyObject *node = node_of(hot, request->nodeid);
    Place place;
    int refused;

    if (size < sizeof *in || !node || (hot->read_only && in->mask & W_OK))
        return COLD;
    if (!place_by_name(hot, node, &place))
        return COLD;
    UNLOCKED(refused = faccessat(place.fd, place.name, (int)in->mask, AT_SYMLINK_NOFOLLOW));
    leave(&place);
    return refused ? COLD : reply(hot, request, NULL, 0);
}

int errno_of_exception(void)
{
    PyObject *type, *value, *traceback, *number = NULL;
    int found = 0;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (value && PyErr_GivenExceptionMatches(value, PyExc_OSError))
        number = PyObject_GetAttrString(value, "errno");
    if (number && PyLong_Check(number))
        found = (int)PyLong_AsLong(number);
    Py_XDECREF(number);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    PyErr_Clear();
    return found > 0 ? found : 0;
}

Outcome hot_readlink(Hot *hot, const Request *request, const void *argument, size_t size)
{
    static PyObject *method;
    PyObject *node = node_of(hot, request->nodeid);
    PyObject *target;
    Outcome outcome = COLD;

    (void)argument, (void)size;
    if (!node || (!method && !(method = PyUnicode_InternFromString("read_target"))))
        return COLD;
    Py_INCREF(node);
    target = PyObject_CallMethodOneArg(hot->attrs, method, node);
    Py_DECREF(node);
    if (target && !PyBytes_Check(target))
        Py_SETREF(target, PyBytes_FromObject(target));
    if (target) {
        /* Up to a NUL, as libfuse does it. */
        outcome = reply(hot, request, PyBytes_AS_STRING(target), strlen(PyBytes_AS_STRING(target)));
        Py_DECREF(target);
    } else {
        int number = errno_of_exception();

        if (number)
            outcome = reply_error(hot, request, number);
    }
    return outcome;
}

/* --- extended attributes ------------------------------------------------------------------ */

/* The name under which `name` is stored: a new reference to bytes, or NULL. */
static PyObject *stored_xattr_name(PyObject *xattrs, const char *name)
{
    static PyObject *known_name, *method;
    PyObject *asked = PyBytes_FromString(name);
    PyObject *known = NULL, *stored = NULL;

    if (!known_name)
        known_name = PyUnicode_InternFromString("_stored_names");
    if (!method)
        method = PyUnicode_InternFromString("_stored_name");
    if (!asked || !known_name || !method)
        goto out;
    if ((known = PyObject_GetAttr(xattrs, known_name)) && PyDict_Check(known))
        stored = Py_XNewRef(PyDict_GetItem(known, asked));
    if (known && !stored)
        stored = PyObject_CallMethodOneArg(xattrs, method, asked);
    if (stored && !PyBytes_Check(stored))
        Py_CLEAR(stored);
out:
    Py_XDECREF(known);
    Py_XDECREF(asked);
    return stored;
}

/* Programs ask every file for its lists and labels, and hardly one has any. Where there is
 * something, Python reads it. */
Outcome hot_getxattr(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_getxattr_in *in = argument;
    PyObject *node = node_of(hot, request->nodeid);
    PyObject *stored, *directory;
    const char *name = size > sizeof *in ? name_in(in + 1, size - sizeof *in) : NULL;
    bool is_list;
    ssize_t found;
    int number;

    if (!node || !name)
        return COLD;
    is_list = !strcmp(name, ACL_ACCESS) || !strcmp(name, ACL_DEFAULT);
    if (!is_list && !strncmp(name, "system.", 7))
        return COLD; /* it may matter who asks */
    if (is_none(hot->xattrs))
        return reply_error(hot, request, ENODATA);
    if (!is_none(hot->unread_xattr) && !strcmp(name, PyBytes_AS_STRING(hot->unread_xattr)))
        return reply_error(hot, request, EOPNOTSUPP);
    stored = is_list ? PyBytes_FromString(name) : stored_xattr_name(hot->xattrs, name);
    if (!stored)
        return COLD;
    directory = slot(node, hot->node.directory);
    if (!is_none(slot(node, hot->node.open)) ||
        (!is_none(directory) && slot(directory, hot->directory.readable) == Py_True)) {
        int fd = is_none(slot(node, hot->node.open)) ? fd_of(directory, hot->directory.fd)
                                                     : open_fd(hot, node);

        UNLOCKED(found = fgetxattr(fd, PyBytes_AS_STRING(stored), NULL, 0));
        number = errno;
    } else {
        char path[sizeof "/proc/self/fd/-2147483648/" + 255];
        Place place;

        if (!place_by_name(hot, node, &place)) {
            Py_DECREF(stored);
            return COLD;
        }
        snprintf(path, sizeof path, "/proc/self/fd/%d/%s", place.fd, place.name);
        UNLOCKED(found = lgetxattr(path, PyBytes_AS_STRING(stored), NULL, 0));
        number = errno;
        leave(&place);
    }
    Py_DECREF(stored);
    if (found < 0 && (number == ENODATA || number == EOPNOTSUPP))
        return reply_error(hot, request, number);
    return COLD;
}

/* --- changing attributes ------------------------------------------------------------------ */

enum {
    CHANGED_HERE = FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_ATIME | FATTR_MTIME | FATTR_FH |
                   FATTR_ATIME_NOW | FATTR_MTIME_NOW | FATTR_LOCKOWNER,
};

/* chmod of a node that is not open, without asking for any permission on it. */
static int change_mode_at(Hot *hot, PyObject *node, const Place *place, mode_t mode)
{
    char path[sizeof "/proc/self/fd/-2147483648"];
    struct stat status;
    int failed;
    int fd;

    UNLOCKED(fd = openat(place->fd, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
             failed = fd < 0 ? -1 : fstat(fd, &status));
    if (fd < 0)
        return -1;
    if (!failed && is_inode_of(hot, node, &status)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        UNLOCKED(failed = chmod(path, mode));
    } else {
        failed = -1;
    }
    close(fd);
    return failed;
}

/* NodeAttributes._chown, ._chmod and ._utime, in this order. Where one fails after another was done,
 * Python does all of it once more: the same values again harm nothing, and the error is its. */
static bool change(Hot *hot, PyObject *node, const Place *place, const struct fuse_setattr_in *in,
                   const struct timespec times[2])
{
    bool by_fd = !place->name;
    int failed = 0;

    if (in->valid & (FATTR_UID | FATTR_GID)) {
        uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
        gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

        UNLOCKED(failed = by_fd ? fchown(place->fd, uid, gid)
                                : fchownat(place->fd, place->name, uid, gid, AT_SYMLINK_NOFOLLOW));
    }
    if (!failed && in->valid & FATTR_MODE) {
        mode_t mode = in->mode & 07777;

        if (by_fd)
            UNLOCKED(failed = fchmod(place->fd, mode));
        else
            failed = change_mode_at(hot, node, place, mode);
    }
    if (!failed && times)
        UNLOCKED(failed = by_fd ? futimens(place->fd, times)
                                : utimensat(place->fd, place->name, times, AT_SYMLINK_NOFOLLOW));
    return !failed;
}

/* What the kernel says of a time, or as it is. "Now" comes with the kernel's own idea of it. */
static struct timespec time_for(uint32_t valid, uint32_t set, uint32_t now, uint64_t seconds,
                                uint32_t nanoseconds, struct timespec as_is)
{
    if (valid & set)
        return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds};
    if (valid & now)
        clock_gettime(CLOCK_REALTIME, &as_is);
    return as_is;
}

Outcome hot_setattr(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_setattr_in *in = argument;
    PyObject *node = node_of(hot, request->nodeid);
    PyObject *file, *directory, *stamp = NULL;
    struct fuse_attr attributes;
    struct stat before, after;
    struct timespec times[2];
    Outcome outcome = COLD;
    bool sets_times, was_cached, was_ours = false;
    Place place;

    if (size < sizeof *in || !node || hot->read_only || in->valid & ~(uint32_t)CHANGED_HERE)
        return COLD;
    if (S_ISLNK(i64_of(slot(node, hot->node.kind))) && in->valid & FATTR_MODE)
        return COLD;
    directory = slot(node, hot->node.directory);
    if (!is_none(directory) && slot(directory, hot->directory.readable) != Py_True)
        return COLD; /* its descriptor changes nothing */
    if (!place_of(hot, node, &place))
        return COLD;
    Py_INCREF(node);
    if (!status_at(hot, node, &place, &before) || is_symlink_of_unknown_size(hot, &before))
        goto out;
    file = slot(node, hot->node.open);
    was_cached = is_stamp_of(slot(node, hot->node.stamp), &before);
    if (!is_none(file)) {
        /* OpenFile.wrote_last, with its tick of the clock of file times. */
        int64_t last = i64_of(slot(file, hot->open_file.last_write_ns));

        was_ours = last > 0 && ns_of(&before.st_mtim) <= last + 20000000 &&
                   ns_of(&before.st_ctim) <= last + 20000000;
    }
    sets_times = in->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW);
    times[0] = time_for(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec,
                        before.st_atim);
    times[1] = time_for(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec,
                        before.st_mtim);
    if (!change(hot, node, &place, in, sets_times ? times : NULL))
        goto out;
    if (in->valid & FATTR_MODE && place.directory && !place.name &&
        !is_none(slot(node, hot->node.parent))) {
        /* What may be done through a cached descriptor was decided when it was opened. */
        if (!close_directory(hot, place.directory))
            goto out;
        leave(&place);
        if (!place_of(hot, node, &place))
            goto out;
    }
    if (!status_at(hot, node, &place, &after) || !(stamp = stamp_of(&after)) ||
        !attributes_of(hot, node, &after, &attributes))
        goto out;
    /* The kernel's pages are as right as they were. */
    if (was_cached)
        set_slot(node, hot->node.stamp, Py_NewRef(stamp));
    if (was_ours)
        set_i64(file, hot->open_file.last_write_ns, wall_ns());
    outcome = reply_attributes(hot, request, &attributes);
out:
    Py_XDECREF(stamp);
    leave(&place);
    Py_DECREF(node);
    return outcome;
}

/* --- letting go --------------------------------------------------------------------------- */

static bool has_some(PyObject *container)
{
    return !is_none(container) && PyObject_IsTrue(container) == 1;
}

bool close_directory(Hot *hot, PyObject *directory)
{
    int fd = fd_of(directory, hot->directory.fd);

    if (fd < 0)
        return true;
    if (!set_i64(directory, hot->directory.fd, -1))
        return false;
    set_slot(slot(directory, hot->directory.node), hot->node.directory, Py_NewRef(Py_None));
    close(fd);
    return true;
}

static void by_python(PyObject *inodes, const char *method, PyObject *node)
{
    PyObject *done = PyObject_CallMethod(inodes, method, "O", node);

    if (!done)
        PyErr_WriteUnraisable(inodes);
    Py_XDECREF(done);
}

void drop_if_unused(Hot *hot, PyObject *unused)
{
    const NodeClass *class = &hot->node;
    PyObject *node = Py_NewRef(unused);

    PyErr_Clear(); /* where a caller gave up */
    while (node && !(i64_of(slot(node, class->refs)) || has_some(slot(node, class->children)) ||
                     !is_none(slot(node, class->open)) || has_some(slot(node, class->unsynced)))) {
        PyObject *directory = slot(node, class->directory);
        PyObject *above, *children, *cname;

        if (PyDict_GetItem(hot->by_ino, slot(node, class->ino)) != node)
            break;
        if (has_some(slot(node, class->aliases))) {
            by_python(hot->inodes, "drop_if_unused", node);
            break;
        }
        PyDict_DelItem(hot->by_ino, slot(node, class->ino));
        if (PyDict_DelItem(hot->by_key, slot(node, class->key)) < 0)
            PyErr_Clear();
        if (!is_none(directory)) {
            Py_INCREF(directory);
            close_directory(hot, directory);
            Py_DECREF(directory);
        }
        above = slot(node, class->parent);
        if (is_none(above))
            break;
        Py_INCREF(above);
        children = slot(above, class->children);
        cname = slot(node, class->cname);
        if (!is_none(children) && PyDict_GetItem(children, cname) == node)
            PyDict_DelItem(children, cname);
        Py_SETREF(node, above);
    }
    Py_XDECREF(node);
    if (PyErr_Occurred())
        PyErr_Clear();
}

/* Inodes.forget */
static void forget(Hot *hot, uint64_t ino, uint64_t count)
{
    PyObject *node = node_of(hot, ino);
    int64_t rest;

    if (!node || node == hot->root)
        return;
    rest = i64_of(slot(node, hot->node.refs)) - (int64_t)count;
    /* Without memory for a number the node stays, which costs less than one that goes too soon. */
    if (set_i64(node, hot->node.refs, rest > 0 ? rest : 0) && rest <= 0)
        drop_if_unused(hot, node);
    else if (PyErr_Occurred())
        PyErr_Clear();
}

Outcome hot_forget(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_forget_in *in = argument;

    if (size < sizeof *in)
        return COLD;
    forget(hot, request->nodeid, in->nlookup);
    return ANSWERED; /* by nothing: the kernel does not wait */
}

Outcome hot_batch_forget(Hot *hot, const Request *request, const void *argument, size_t size)
{
    const struct fuse_batch_forget_in *in = argument;
    const struct fuse_forget_one *each = (const void *)(in + 1);

    (void)request;
    if (size < sizeof *in || (size - sizeof *in) / sizeof *each < in->count)
        return COLD;
    for (uint32_t i = 0; i < in->count; i++)
        forget(hot, each[i].nodeid, each[i].nlookup);
    return ANSWERED;
}

/* --- removing ----------------------------------------------------------------------------- */

void note_removed(Hot *hot, PyObject *parent, PyObject *cname)
{
    const NodeClass *class = &hot->node;
    PyObject *children = slot(parent, class->children);
    PyObject *node = PyDict_GetItem(children, cname);
    int64_t links;

    if (!node)
        return;
    if (has_some(slot(node, class->aliases))) {
        PyObject *done = PyObject_CallMethod(hot->inodes, "removed", "OO", parent, cname);

        if (!done)
            PyErr_WriteUnraisable(hot->inodes);
        Py_XDECREF(done);
        return;
    }
    Py_INCREF(node);
    PyDict_DelItem(children, cname);
    set_slot(node, class->parent, Py_NewRef(Py_None));
    links = i64_of(slot(node, class->nlink)) - 1;
    set_i64(node, class->nlink, links);
    if (links <= 0)
        set_bool(node, class->gone, true);
    drop_if_unused(hot, node);
    Py_DECREF(node);
}

/* Whether the kernel opens an inode of this kind without asking here. */
static bool is_special(int64_t kind) { return !S_ISREG(kind) && !S_ISLNK(kind) && !S_ISDIR(kind); }

Outcome hot_unlink(Hot *hot, const Request *request, const void *argument, size_t size)
{
    PyObject *parent = directory_node(hot, request->nodeid);
    const char *name = name_in(argument, size);
    PyObject *directory, *stored, *node;
    char cname[256];
    Py_ssize_t length;
    int failed;

    if (!parent || !name || hot->read_only ||
        !(directory = directory_with_iv(hot, parent, false)))
        return COLD;
    length = name_on_disk(hot, directory, name, cname);
    stored = length < 0 ? NULL : PyBytes_FromStringAndSize(cname, length);
    node = stored ? PyDict_GetItem(slot(parent, hot->node.children), stored) : NULL;
    if (!stored || (node && is_special(i64_of(slot(node, hot->node.kind))))) {
        Py_XDECREF(stored);
        Py_DECREF(directory);
        return COLD;
    }
    Py_INCREF(parent);
    UNLOCKED(failed = unlinkat(fd_of(directory, hot->directory.fd), cname, 0));
    Py_DECREF(directory);
    if (!failed)
        note_removed(hot, parent, stored);
    Py_DECREF(parent);
    Py_DECREF(stored);
    return failed ? COLD : reply(hot, request, NULL, 0);
}
