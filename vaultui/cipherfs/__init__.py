"""Floor 4: the encrypted file system on plain directories, without FUSE; synchronous."""
