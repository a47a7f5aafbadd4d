"""Checks that a file system is known to fail, each with its reason.

Keys are the names of checks as pytest shows them. A check of ours that begins to pass fails
the run until its line is taken out; those of gocryptfs depend on the version that is
installed, and may do either.
"""

OURS: dict[str, str] = {}

GOCRYPTFS: dict[str, str] = {
    "test_access_answers_for_the_owner[gocryptfs]": (
        "2.3 lets go-fuse answer access(2), which allows root everything; fixed in 2.4"
    ),
    "test_a_removed_directory_that_is_open_is_empty_and_takes_nothing_new[gocryptfs]": (
        "it looks a directory up by name again, and the name is gone"
    ),
    "test_a_directory_replaces_an_empty_one[gocryptfs-long]": (
        "it removes the long name's companion with the replaced directory, so the new one is lost"
    ),
    "test_a_git_repository_commits_clones_and_is_sound[gocryptfs]": (
        "2.3 tells the size of the ciphertext right after link(2), and git notices; fixed in 2.3.2"
    ),
    "test_a_name_that_is_replaced_again_and_again_is_always_there_and_whole[gocryptfs]": (
        "an open that met a rename is told that there is no such file"
    ),
    "test_a_truncation_moves_mtime_and_ctime[gocryptfs-7]": (
        "a truncation to the size that the file has is left out"
    ),
    "test_an_unlinked_file_can_be_synced_and_changed_through_its_descriptor[gocryptfs]": (
        "fsync and changes of attributes open the backing file by name again"
    ),
}
