// Command townline holds one dialog with residents over every channel.
package main

func main() {}
