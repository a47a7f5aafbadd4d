"""FIDO2 tokens: a secret of theirs stands for the password of a volume.

A token keeps a key for each credential that it made. From that key and a salt it makes a
secret, always the same one (extension hmac-secret, CTAP 2.1 section 12.5). The volume config
keeps the name of the credential, the salt, and what the token is to check before it answers.

gocryptfs leaves the talking to fido2-cred(1) and fido2-assert(1). What is asked here is what
these ask, in the same words: a token has two keys for each credential, by whether it verified
its user, so that a PIN too many is another secret. Nothing else in the program knows the
library that speaks to tokens.
"""
