"""Reverse mode: a plain directory shown encrypted, read-only and the same each time.

What is shown is a volume: gocryptfs or vaultfs decrypts a copy of it. Nothing is random in
it, so that a second run of rsync over an unchanged directory has nothing to copy: every IV
follows from the encrypted path of what it is for. That is safe with AES-SIV and with nothing
else, because plaintext changes under an IV that stays.
"""
