/* Nodes and directories of cipherfs, reached and changed as inodes.py and cipherdir.py do it. */

#include "hotpath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { INO_BITS = 48, DEVICES = 1 << 15, ROOT = 1 };

static const char IV_NAME[] = "gocryptfs.diriv";
static const char CONF_NAME[] = "gocryptfs.conf";

double monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int64_t wall_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return ns_of(&now);
}

/* --- nodes ------------------------------------------------------------------------------- */

PyObject *item_of(PyObject *dictionary, uint64_t number)
{
    PyObject *key = PyLong_FromUnsignedLongLong(number);
    PyObject *found = key ? PyDict_GetItem(dictionary, key) : NULL;

    Py_XDECREF(key);
    return found;
}

PyObject *node_of(Hot *hot, uint64_t ino) { return item_of(hot->by_ino, ino); }

bool add_references(Hot *hot, PyObject *node, int64_t count)
{
    return set_i64(node, hot->node.refs, i64_of(slot(node, hot->node.refs)) + count);
}

bool is_inode_of(Hot *hot, PyObject *node, const struct stat *status)
{
    PyObject *key = slot(node, hot->node.key);

    return u64_of(PyTuple_GET_ITEM(key, 1)) == status->st_ino &&
           u64_of(PyTuple_GET_ITEM(key, 0)) == status->st_dev &&
           i64_of(slot(node, hot->node.kind)) == (status->st_mode & S_IFMT);
}

PyObject *stamp_of(const struct stat *status)
{
    return Py_BuildValue("(LLL)", (long long)status->st_size, (long long)ns_of(&status->st_mtim),
                         (long long)ns_of(&status->st_ctim));
}

bool is_stamp_of(PyObject *stamp, const struct stat *status)
{
    return !is_none(stamp) && i64_of(PyTuple_GET_ITEM(stamp, 0)) == status->st_size &&
           i64_of(PyTuple_GET_ITEM(stamp, 1)) == ns_of(&status->st_mtim) &&
           i64_of(PyTuple_GET_ITEM(stamp, 2)) == ns_of(&status->st_ctim);
}

/* Inodes._number without its second choice: 0 where that would be needed. */
static uint64_t number_for(Hot *hot, PyObject *key, const struct stat *status)
{
    PyObject *index = PyDict_GetItem(hot->devices, PyTuple_GET_ITEM(key, 0));
    uint64_t number;

    if (!index || u64_of(index) >= DEVICES || (uint64_t)status->st_ino >> INO_BITS)
        return 0;
    number = u64_of(index) << INO_BITS | status->st_ino;
    return number > ROOT && !node_of(hot, number) ? number : 0;
}

/* Inodes._new with the name that _give_name gives: a new reference, or NULL with nothing changed. */
static PyObject *new_node(Hot *hot, PyObject *key, const struct stat *status, PyObject *parent,
                          PyObject *cname, const char *name, size_t name_size)
{
    static PyObject *generation_name;
    const NodeClass *class = &hot->node;
    mode_t kind = status->st_mode & S_IFMT;
    uint64_t number = number_for(hot, key, status);
    PyObject *node = NULL, *ino = NULL, *generation = NULL, *next = NULL, *plain = NULL;
    PyObject *kind_number = NULL, *nlink = NULL, *zero = NULL, *children = NULL;
    bool is_made = false;

    if (!number)
        return NULL;
    if (!generation_name && !(generation_name = PyUnicode_InternFromString("_generation")))
        return NULL;
    if (!(generation = PyObject_GetAttr(hot->inodes, generation_name)))
        return NULL;
    next = PyLong_FromLongLong(i64_of(generation) + 1);
    ino = PyLong_FromUnsignedLongLong(number);
    plain = PyBytes_FromStringAndSize(name, (Py_ssize_t)name_size);
    kind_number = PyLong_FromLong((long)kind);
    nlink = PyLong_FromUnsignedLong((unsigned long)status->st_nlink);
    zero = PyLong_FromLong(0);
    children = kind == S_IFDIR ? PyDict_New() : Py_NewRef(Py_None);
    if (!next || !ino || !plain || !kind_number || !nlink || !zero || !children)
        goto out;
    if (!(node = class->type->tp_alloc(class->type, 0)))
        goto out;
#define BEGINS_AS_NONE(name) set_slot(node, class->name, Py_NewRef(Py_None));
    NODE_SLOTS(BEGINS_AS_NONE)
#undef BEGINS_AS_NONE
    set_slot(node, class->ino, Py_NewRef(ino));
    set_slot(node, class->generation, Py_NewRef(next));
    set_slot(node, class->key, Py_NewRef(key));
    set_slot(node, class->kind, Py_NewRef(kind_number));
    set_slot(node, class->nlink, Py_NewRef(nlink));
    set_slot(node, class->refs, Py_NewRef(zero));
    set_slot(node, class->shown_size, Py_NewRef(zero));
    set_bool(node, class->gone, false);
    set_bool(node, class->set_id, false);
    set_slot(node, class->children, Py_NewRef(children));
    set_slot(node, class->parent, Py_NewRef(parent));
    set_slot(node, class->cname, Py_NewRef(cname));
    set_slot(node, class->name, Py_NewRef(plain));
    if (PyObject_SetAttr(hot->inodes, generation_name, next) < 0 ||
        PyDict_SetItem(hot->by_ino, ino, node) < 0)
        goto out;
    if (PyDict_SetItem(hot->by_key, key, node) < 0) {
        PyDict_DelItem(hot->by_ino, ino);
        goto out;
    }
    if (PyDict_SetItem(slot(parent, class->children), cname, node) < 0) {
        PyDict_DelItem(hot->by_ino, ino);
        PyDict_DelItem(hot->by_key, key);
        goto out;
    }
    is_made = true;
out:
    Py_XDECREF(generation);
    Py_XDECREF(next);
    Py_XDECREF(ino);
    Py_XDECREF(plain);
    Py_XDECREF(kind_number);
    Py_XDECREF(nlink);
    Py_XDECREF(zero);
    Py_XDECREF(children);
    if (!is_made)
        Py_CLEAR(node);
    return node;
}

PyObject *adopt(Hot *hot, PyObject *parent, const char *cname, size_t cname_size, const char *name,
                size_t name_size, const struct stat *status)
{
    PyObject *children = slot(parent, hot->node.children);
    PyObject *key, *stored, *node, *named;

    if (is_none(children))
        return NULL;
    key = Py_BuildValue("(KK)", (unsigned long long)status->st_dev,
                        (unsigned long long)status->st_ino);
    stored = PyBytes_FromStringAndSize(cname, (Py_ssize_t)cname_size);
    if (!key || !stored) {
        Py_XDECREF(key);
        Py_XDECREF(stored);
        return NULL;
    }
    node = PyDict_GetItem(hot->by_key, key);
    named = PyDict_GetItem(children, stored);
    if (!node && !named) {
        node = new_node(hot, key, status, parent, stored, name, name_size);
        Py_XDECREF(node); /* the dictionaries keep it */
    } else if (node && node == named && slot(node, hot->node.gone) == Py_False &&
               i64_of(slot(node, hot->node.kind)) == (status->st_mode & S_IFMT)) {
        if (u64_of(slot(node, hot->node.nlink)) != status->st_nlink &&
            !set_i64(node, hot->node.nlink, (int64_t)status->st_nlink))
            node = NULL;
    } else {
        /* A hard link, a number that is used again, or a change behind our back. */
        node = NULL;
    }
    Py_DECREF(key);
    Py_DECREF(stored);
    return node;
}

/* --- directories ------------------------------------------------------------------------- */

static PyObject *by_method(PyObject *object, const char *method, PyObject *node, bool fresh)
{
    PyObject *name = PyUnicode_InternFromString(method);
    PyObject *found = NULL;

    if (name && fresh) {
        PyObject *bound = PyObject_GetAttr(object, name);
        PyObject *arguments = PyTuple_Pack(1, node);
        PyObject *named = Py_BuildValue("{s:O}", "fresh", Py_True);

        if (bound && arguments && named)
            found = PyObject_Call(bound, arguments, named);
        Py_XDECREF(bound);
        Py_XDECREF(arguments);
        Py_XDECREF(named);
    } else if (name) {
        found = PyObject_CallMethodOneArg(object, name, node);
    }
    Py_XDECREF(name);
    if (!found)
        PyErr_Clear(); /* Python meets it again, and reports it */
    return found;
}

PyObject *enter_directory(Hot *hot, PyObject *node)
{
    PyObject *directory = slot(node, hot->node.directory);

    if (is_none(directory))
        return by_method(hot->directories, "enter", node, false);
    if (slot(directory, hot->directory.used) != Py_True)
        set_bool(directory, hot->directory.used, true);
    return Py_NewRef(directory);
}

/* Tells whether the IV's file is the one that was read: Directory.load_iv where nothing changed. */
static bool is_iv_unchanged(Hot *hot, PyObject *directory)
{
    PyObject *stamp = slot(directory, hot->directory._stamp);
    struct stat status;
    PyObject *checked;

    if (is_none(stamp) || PyBytes_GET_SIZE(slot(directory, hot->directory.iv)) != 16)
        return false;
    if (fstatat(fd_of(directory, hot->directory.fd), IV_NAME, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (u64_of(PyTuple_GET_ITEM(stamp, 0)) != status.st_ino ||
        i64_of(PyTuple_GET_ITEM(stamp, 1)) != status.st_size ||
        i64_of(PyTuple_GET_ITEM(stamp, 2)) != ns_of(&status.st_mtim) ||
        i64_of(PyTuple_GET_ITEM(stamp, 3)) != ns_of(&status.st_ctim))
        return false;
    if (!(checked = PyFloat_FromDouble(monotonic()))) {
        PyErr_Clear();
        return false;
    }
    set_slot(directory, hot->directory.checked, checked);
    return true;
}

PyObject *directory_with_iv(Hot *hot, PyObject *node, bool fresh)
{
    PyObject *directory = slot(node, hot->node.directory);

    if (is_none(directory))
        return by_method(hot->directories, "with_iv", node, fresh);
    if (slot(directory, hot->directory.used) != Py_True)
        set_bool(directory, hot->directory.used, true);
    if (hot->uses_dir_iv) {
        double checked = PyFloat_AS_DOUBLE(slot(directory, hot->directory.checked));

        if ((fresh || monotonic() - checked > hot->coherence_s) && !is_iv_unchanged(hot, directory))
            return by_method(hot->directories, "with_iv", node, fresh);
    }
    return Py_NewRef(directory);
}

/* --- names ------------------------------------------------------------------------------- */

/* format.conflictnames.HINT: names of conflict copies have this in them. */
bool may_be_copy(const char *name)
{
    for (const char *at = name; (at = strcasestr(at, "onfli")); at++)
        if (at > name && strchr("cCkK", at[-1]))
            return true;
    return false;
}

Py_ssize_t name_on_disk(Hot *hot, PyObject *directory, const char *name, char cname[256])
{
    size_t size = strlen(name);
    uint8_t text[NAME_TEXT_MAX];
    Py_ssize_t text_size;
    PyObject *iv;

    if (!size || size > 255 || !strcmp(name, ".") || !strcmp(name, ".."))
        return -1;
    if (hot->are_names_plain) {
        if (!strcmp(name, CONF_NAME) && slot(directory, hot->directory.is_root) == Py_True)
            return -1;
        memcpy(cname, name, size + 1);
        return (Py_ssize_t)size;
    }
    if (hot->shows_copies && may_be_copy(name))
        return -1;
    iv = slot(directory, hot->directory.iv);
    if (PyBytes_GET_SIZE(iv) != 16)
        return -1;
    text_size = hot->crypto->encrypt_name(hot->names, (const uint8_t *)PyBytes_AS_STRING(iv),
                                          (const uint8_t *)name, size, text);
    if (text_size <= 0 || (size_t)text_size > hot->long_name_max || text_size > 255)
        return -1;
    memcpy(cname, text, (size_t)text_size);
    cname[text_size] = '\0';
    return text_size;
}
